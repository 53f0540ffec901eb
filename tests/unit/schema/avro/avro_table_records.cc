// The table: records, aliases, nesting and recursion, logical types, types of schemas that are referred to.
#include "avro_schemas.h"
#include "avro_table.h"

namespace forebay::schema::avro {

std::vector<Row> record_rows() {
  const std::string empty = rec("R", {});
  const auto with = [](const std::vector<std::string>& fields) { return rec("R", fields); };
  const std::string a = field("a", kInt), b = field("b", kInt), a1 = field("a", kInt, def("1")),
                    b1 = field("b", kInt, def("1"));
  return {
      {"record without fields", empty, empty, "", ""},
      {"record", with({a, b}), with({a, b}), "", ""},
      {"field with default", with({a1}), empty, "", ""},
      {"field without", with({a}), empty, "RD /fields/0", ""},
      {"two fields without", with({a, b}), empty, "RD /fields/0; RD /fields/1", ""},
      {"a field with and one without", with({a1, b}), empty, "RD /fields/1", ""},
      {"one more field without", with({a, b}), with({a}), "RD /fields/1", ""},
      {"one more field in front", with({b1, a}), with({a}), "", ""},
      {"fields in another order", with({a, b}), with({b, a}), "", ""},
      {"field for another", with({a}), with({b}), "RD /fields/0", "RD /fields/0"},
      {"field for another, with defaults", with({a1}), with({b1}), "", ""},
      {"field for another, one default", with({a1}), with({b}), "", "RD /fields/0"},
      {"names of fields have cases", with({field("A", kInt)}), with({a}), "RD /fields/0", "RD /fields/0"},
      {"default goes", with({a}), with({a1}), "", ""},
      {"another default", with({field("a", kInt, def("2"))}), with({a1}), "", ""},
      {"field promoted", with({field("a", kLong)}), with({a}), "", "TM /fields/0/type"},
      {"field promoted, with default", with({field("a", kLong, def("1"))}), with({a1}), "",
       "TM /fields/0/type"},
      {"field of string, bytes", with({field("a", kString)}), with({field("a", kBytes)}), "", ""},
      {"field of another type", with({a}), with({field("a", kString)}), "TM /fields/0/type",
       "TM /fields/0/type"},
      {"default does not help another type", with({a1}), with({field("a", kString)}), "TM /fields/0/type",
       "TM /fields/0/type"},
      {"two fields of other types", with({a, b}), with({field("b", kString), field("a", kNull)}),
       "TM /fields/0/type; TM /fields/1/type", "TM /fields/0/type; TM /fields/1/type"},
      {"field that may be null, by default", with({field("a", nullable(kInt), def("null"))}), empty, "", ""},
      {"field that may be null, without default", with({field("a", nullable(kInt))}), empty, "RD /fields/0",
       ""},
      {"default of a later branch", with({field("a", nullable(kInt), def("1"))}), empty, "", ""},
      {"field of null", with({field("a", kNull)}), empty, "RD /fields/0", ""},
      {"default of null", with({field("a", kNull, def("null"))}), empty, "", ""},
      {"default of array", with({field("a", arr(kInt), def("[]"))}), empty, "", ""},
      {"default of record", with({field("a", rec("S", {a}), def(R"({"a":1})"))}), empty, "", ""},
      {"enum's default is none of the field", with({field("a", enu("E", {"A"}, def("\"A\"")))}), empty,
       "TM /fields/0/type", ""},
      {"enum's default and the field's", with({field("a", enu("E", {"A"}, def("\"A\"")), def("\"A\""))}),
       empty, "", ""},
      {"enum's default in a union is none of the field",
       with({field("a", nullable(enu("E", {"A"}, def("\"A\""))))}), empty, "RD /fields/0", ""},
      {"doc of field", with({field("a", kInt, R"(,"doc":"d")")}), with({a}), "", ""},
      {"order of field", with({field("a", kInt, R"(,"order":"ignore")")}), with({a}), "", ""},
      {"property of field", with({field("a", kInt, R"(,"x":{"y":1})")}), with({a}), "", ""},
      {"doc of record", rec("R", {}, R"(,"doc":"d")"), empty, "", ""},
      {"property of record", rec("R", {}, R"(,"x":1)"), empty, "", ""},
      {"error, record", named("error", "R", R"(,"fields":[])"), empty, "", ""},
      {"renamed", empty, rec("S", {}), "NM /name", "NM /name"},
      {"in another namespace", rec("m.R", {}), rec("n.R", {}), "", ""},
      {"in a namespace", rec("R", {}, in("n")), empty, "", ""},
      {"renamed and more", with({a}), rec("S", {}), "NM /name; RD /fields/0", "NM /name"},
      {"renamed and another type", with({a}), rec("S", {field("a", kString)}), "NM /name; TM /fields/0/type",
       "NM /name; TM /fields/0/type"},
      {"name with the namespace in it", rec("n.R", {}), rec("R", {}, in("n")), "", ""},
  };
}

std::vector<Row> alias_rows() {
  const auto with = [](const std::vector<std::string>& fields) { return rec("R", fields); };
  const std::string a = field("a", kInt), b = field("b", kInt);
  return {
      {"field renamed with alias", with({field("b", kInt, aka({"a"}))}), with({a}), "", "RD /fields/0"},
      {"alias of the one that writes", with({field("a", kInt, aka({"b"}))}), with({b}), "", "RD /fields/0"},
      {"alias, promoted", with({field("b", kLong, aka({"a"}))}), with({a}), "", "RD /fields/0"},
      {"alias, another type", with({field("b", kString, aka({"a"}))}), with({a}), "TM /fields/0/type",
       "RD /fields/0"},
      {"alias of nothing", with({field("b", kInt, aka({"c"}))}), with({a}), "RD /fields/0", "RD /fields/0"},
      {"alias of nothing, with default", with({field("b", kInt, def("1") + aka({"c"}))}), with({a}), "",
       "RD /fields/0"},
      {"the second alias", with({field("c", kInt, aka({"x", "a"}))}), with({a}), "", "RD /fields/0"},
      {"alias beside the name", with({field("a", kInt, aka({"x"}))}), with({a}), "", ""},
      {"alias and name are written", with({field("b", kInt, aka({"a"}))}), with({a, b}), "MS /fields/0",
       "RD /fields/0"},
      {"two aliases are written", with({field("c", kInt, aka({"a", "b"}))}), with({a, b}), "MS /fields/0",
       "RD /fields/0; RD /fields/1"},
      {"fields change names", with({field("a", kInt, aka({"b"})), field("b", kInt, aka({"a"}))}),
       with({a, b}), "MS /fields/0; MS /fields/1", ""},
      {"several, tried for a union", uni({rec("Q", {field("b", kInt, aka({"a"}))}), rec("R", {a, b})}),
       rec("R", {a, b}), "MS /fields/0", "NM /0/name; RD /0/fields/0"},
      {"two fields of one that is written", with({a, field("b", kInt, aka({"a"}))}), with({a}), "", ""},
      {"record with alias", rec("S", {}, aka({"R"})), rec("R", {}), "", "NM /name"},
      {"record with the second alias", rec("S", {}, aka({"Q", "R"})), rec("R", {}), "", "NM /name"},
      {"alias is in the namespace", rec("n.S", {}, aka({"R"})), rec("n.R", {}), "", "NM /name"},
      {"alias is in no other namespace", rec("n.S", {}, aka({"R"})), rec("R", {}), "NM /name", "NM /name"},
      {"alias with a namespace", rec("n.S", {}, aka({"m.R"})), rec("m.R", {}), "", "NM /name"},
      {"alias with another namespace", rec("n.S", {}, aka({"m.R"})), rec("n.R", {}), "NM /name", "NM /name"},
      {"alias and more", rec("S", {a}, aka({"R"})), rec("R", {}), "RD /fields/0", "NM /name"},
      {"alias of a record in a field", with({field("a", rec("S", {}, aka({"T"})))}),
       with({field("a", rec("T", {}))}), "", "NM /fields/0/type/name"},
      {"alias of an enum in an array", arr(enu("S", {"A"}, aka({"T"}))), arr(enu("T", {"A"})), "",
       "NM /items/name"},
      {"alias of a fixed in a map", map(fix("S", 1, aka({"T"}))), map(fix("T", 1)), "", "NM /values/name"},
  };
}

std::vector<Row> nested_rows() {
  const std::string next = field("next", nullable(ref("R"))), kids = field("kids", arr(ref("R")));
  const std::string v = field("v", kInt), v1 = field("v", kInt, def("1"));
  const auto with = [](const std::string& type) { return rec("R", {field("a", type)}); };
  const auto sub = [](const std::vector<std::string>& fields) { return rec("T", fields); };
  const auto mutual = [&](const std::string& value) {
    return rec("R", {field("s", nullable(rec("S", {field("r", nullable(ref("R"))), field("v", value)})))});
  };
  return {
      {"array promoted", arr(kLong), arr(kInt), "", "TM /items"},
      {"map promoted", map(kDouble), map(kFloat), "", "TM /values"},
      {"array of arrays", arr(arr(kString)), arr(arr(kInt)), "TM /items/items", "TM /items/items"},
      {"map of maps", map(map(kLong)), map(map(kInt)), "", "TM /values/values"},
      {"array of maps", arr(map(kLong)), arr(map(kInt)), "", "TM /items/values"},
      {"array in field", with(arr(kLong)), with(arr(kInt)), "", "TM /fields/0/type/items"},
      {"record in field grows", with(sub({v})), with(sub({})), "RD /fields/0/type/fields/0", ""},
      {"record in field grows by a default", with(sub({v1})), with(sub({})), "", ""},
      {"record in field renamed", with(rec("T", {})), with(rec("U", {})), "NM /fields/0/type/name",
       "NM /fields/0/type/name"},
      {"record in array grows", arr(sub({v})), arr(sub({})), "RD /items/fields/0", ""},
      {"record in map grows", map(sub({v})), map(sub({})), "RD /values/fields/0", ""},
      {"record in array in map in field", with(map(arr(sub({v})))), with(map(arr(sub({})))),
       "RD /fields/0/type/values/items/fields/0", ""},
      {"four records in each other", with(rec("B", {field("b", rec("C", {field("c", sub({v}))}))})),
       with(rec("B", {field("b", rec("C", {field("c", sub({}))}))})),
       "RD /fields/0/type/fields/0/type/fields/0/type/fields/0", ""},
      {"several places", rec("R", {field("a", sub({v})), field("b", kLong), field("c", kInt)}),
       rec("R", {field("a", sub({})), field("b", kInt)}), "RD /fields/0/type/fields/0; RD /fields/2",
       "TM /fields/1/type"},
      {"type that is used twice is told once", rec("R", {field("a", sub({v})), field("b", ref("T"))}),
       rec("R", {field("a", sub({field("v", kString)})), field("b", ref("T"))}),
       "TM /fields/0/type/fields/0/type", "TM /fields/0/type/fields/0/type"},
      {"told where it matters", rec("R", {field("u", nullable(sub({v}))), field("t", ref("T"))}),
       rec("R", {field("u", nullable(sub({}))), field("t", ref("T"))}),
       "UB /fields/0/type/1; RD /fields/1/type/fields/0", ""},
      {"two types for one", rec("R", {field("a", sub({v})), field("b", ref("T"))}),
       rec("R", {field("a", sub({v})), field("b", rec("U", {v}))}), "NM /fields/1/type/name",
       "NM /fields/1/type/name"},
      {"list", rec("R", {next}), rec("R", {next}), "", ""},
      {"list grows by a default", rec("R", {next, v1}), rec("R", {next}), "", ""},
      {"list grows", rec("R", {next, v}), rec("R", {next}), "RD /fields/1", ""},
      {"list grows in front", rec("R", {v, next}), rec("R", {next}), "RD /fields/0", ""},
      {"list promoted", rec("R", {next, field("v", kLong)}), rec("R", {next, v}), "", "TM /fields/1/type"},
      {"list renamed", rec("S", {field("next", nullable(ref("S")))}), rec("R", {next}), "NM /name",
       "NM /name"},
      {"list renamed with alias", rec("S", {field("next", nullable(ref("S")))}, aka({"R"})), rec("R", {next}),
       "", "NM /name"},
      {"list ends", rec("R", {next}), rec("R", {field("next", kNull)}), "", "TM /fields/0/type/1"},
      {"list of two kinds", rec("R", {next}),
       rec("R", {field("next", nullable(rec("S", {field("next", nullable(ref("R")))})))}),
       "UB /fields/0/type/1", "UB /fields/0/type/1"},
      {"list without end", rec("R", {field("next", ref("R"))}), rec("R", {field("next", ref("R"))}), "", ""},
      {"tree", rec("R", {kids}), rec("R", {kids}), "", ""},
      {"tree grows", rec("R", {kids, v}), rec("R", {kids}), "RD /fields/1", ""},
      {"tree of maps", rec("R", {field("kids", map(ref("R"))), v}), rec("R", {field("kids", map(ref("R")))}),
       "RD /fields/1", ""},
      {"tree for list", rec("R", {field("next", arr(ref("R")))}), rec("R", {next}),
       "TM /fields/0/type/0; TM /fields/0/type/1", "UB /fields/0/type"},
      {"each in the other", mutual(kInt), mutual(kInt), "", ""},
      {"each in the other, promoted", mutual(kLong), mutual(kInt), "", "UB /fields/0/type/1"},
  };
}

std::vector<Row> logical_and_referred_rows() {
  const std::string millis = logical(kLong, "timestamp-millis"), micros = logical(kLong, "timestamp-micros");
  const auto decimal = [](const std::string& type, int precision) {
    return logical(type, "decimal", R"(,"precision":)" + std::to_string(precision) + R"(,"scale":2)");
  };
  const auto uses = [](const std::string& name) { return rec("R", {field("a", ref(name))}); };
  const std::string v = field("v", kInt), v1 = field("v", kInt, def("1"));
  const std::vector<NamedText> plain{{"t", rec("n.T", {})}}, more{{"t", rec("n.T", {v})}},
      more_by_default{{"t", rec("n.T", {v1})}}, other{{"t", rec("m.T", {})}};
  const auto chain = [](const std::string& type) {
    return std::vector<NamedText>{{"x", rec("n.X", {field("x", type)})},
                                  {"t", rec("n.T", {field("t", ref("n.X"))})}};
  };
  const std::vector<NamedText> events{{"a", rec("n.A", {})}, {"b", rec("n.B", {})}};
  return {
      {"logical type", millis, millis, "", ""},
      {"another logical type", millis, micros, "", ""},
      {"logical type, none", millis, kLong, "", ""},
      {"date, timestamp", logical(kInt, "date"), millis, "TM", ""},
      {"decimal of more digits", decimal(kBytes, 9), decimal(kBytes, 4), "", ""},
      {"decimal of bytes, fixed", decimal(kBytes, 4),
       fix("F", 4, R"(,"logicalType":"decimal","precision":4)"), "TM", "TM"},
      {"decimal of fixed, fixed", fix("F", 4, R"(,"logicalType":"decimal","precision":4)"), fix("F", 4), "",
       ""},
      {"decimal of bytes, string", decimal(kBytes, 4), kString, "", ""},
      {"uuid, string", logical(kString, "uuid"), kString, "", ""},
      {"duration, fixed of 12", fix("F", 12, R"(,"logicalType":"duration")"), fix("F", 12), "", ""},
      {"logical type nobody knows", logical(kInt, "mine"), kInt, "", ""},
      {"union with logical types", nullable(millis), nullable(kInt), "", "UB /1"},
      {"logical type in field", rec("R", {field("a", millis)}), rec("R", {field("a", logical(kInt, "date"))}),
       "", "TM /fields/0/type"},
      {"type of another schema", uses("n.T"), uses("n.T"), "", "", plain, plain},
      {"type of another schema grows", uses("n.T"), uses("n.T"), "RD /fields/0/type/fields/0", "", more,
       plain},
      {"type of another schema grows by a default", uses("n.T"), uses("n.T"), "", "", more_by_default, plain},
      {"type of another schema, the same here", uses("n.T"), rec("R", {field("a", rec("n.T", {}))}), "", "",
       plain},
      {"type of another schema, another here", uses("n.T"), rec("R", {field("a", rec("n.T", {v}))}), "",
       "RD /fields/0/type/fields/0", plain},
      {"type of another namespace", uses("n.T"), uses("m.T"), "", "", plain, other},
      {"type of the same namespace by its short name", rec("n.R", {field("a", ref("T"))}),
       rec("n.R", {field("a", ref("n.T"))}), "", "", plain, plain},
      {"type through two schemas", uses("n.T"), uses("n.T"), "",
       "TM /fields/0/type/fields/0/type/fields/0/type", chain(kLong), chain(kInt)},
      {"type in a union", rec("R", {field("a", nullable(ref("n.T")))}),
       rec("R", {field("a", nullable(ref("n.T")))}), "UB /fields/0/type/1", "", more, plain},
      {"enum of another schema",
       uses("n.E"),
       uses("n.E"),
       "",
       "ES /fields/0/type/symbols",
       {{"e", enu("n.E", {"A", "B"})}},
       {{"e", enu("n.E", {"A"})}}},
      {"fixed of another schema",
       uses("n.F"),
       uses("n.F"),
       "FS /fields/0/type/size",
       "FS /fields/0/type/size",
       {{"f", fix("n.F", 1)}},
       {{"f", fix("n.F", 2)}}},
      {"events of one topic", uni({ref("n.A"), ref("n.B")}), uni({ref("n.A")}), "", "UB /1", events, events},
      {"event, events", uni({ref("n.A"), ref("n.B")}), ref("n.B"), "", "NM /0/name", events, events},
      {"type that nobody uses", rec("R", {}), rec("R", {}), "", "", more, plain},
  };
}

}  // namespace forebay::schema::avro
