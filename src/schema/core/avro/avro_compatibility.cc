#include "schema/core/avro/avro_compatibility.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "schema/core/avro/avro_path.h"
#include "schema/core/avro/avro_text.h"

namespace forebay::schema::avro {
namespace {

// What the specification lets be promoted.
bool promotes(Kind reader, Kind writer) {
  switch (reader) {
    case Kind::kLong:
      return writer == Kind::kInt;
    case Kind::kFloat:
      return writer == Kind::kInt || writer == Kind::kLong;
    case Kind::kDouble:
      return writer == Kind::kInt || writer == Kind::kLong || writer == Kind::kFloat;
    case Kind::kBytes:
      return writer == Kind::kString;
    case Kind::kString:
      return writer == Kind::kBytes;
    default:
      return false;
  }
}

// The name without its namespace, or an alias: a type may move to another namespace.
bool is_named_like(const Type& reader, const Type& writer) {
  return reader.name == writer.name ||
         std::count(reader.aliases.begin(), reader.aliases.end(), writer.full_name()) > 0;
}

std::string allowed_for(const Type& writer) {
  switch (writer.kind) {
    case Kind::kInt:
      return "int, long, float or double, or a union with one of them";
    case Kind::kLong:
      return "long, float or double, or a union with one of them";
    case Kind::kFloat:
      return "float or double, or a union with one of them";
    case Kind::kBytes:
    case Kind::kString:
      return "string or bytes, or a union with one of them";
    default:
      return branch_name(writer) + ", or a union with it";
  }
}

class Judge {
 public:
  Judge(const Schema& reader, const Schema& writer, const Limits& limits)
      : reader_(reader), writer_(writer), limits_(limits) {}

  std::vector<Difference> judge() {
    const Pair roots{reader_.root, writer_.root};
    look(roots, "");
    // What has not changed can be read, whatever stands in the way of telling.
    if (!final_.empty() && is_unchanged()) return {};
    if (is_too_much_) return std::move(final_);  // what was not looked at is taken for wrong
    std::vector<Difference> all;
    report(roots, "", all);
    // Each of these is the end of the matter, wherever it was found, a branch of a union that is only tried
    // included: the Java library gives up there.
    all.insert(all.end(), std::make_move_iterator(final_.begin()), std::make_move_iterator(final_.end()));
    return all;
  }

 private:
  using Pair = std::pair<TypeId, TypeId>;  // what reads, what writes
  // What is wrong with a pair: a difference of its own, or a pair below it that has some.
  struct Flaw {
    std::string step;  // from the pair to there
    std::optional<Pair> below;
    Difference own;
  };
  using Flaws = std::vector<Flaw>;

  // True: nothing is wrong with the pair. While it is being looked at, it is taken for right: what is wrong
  // with it is found where it began.
  bool look(const Pair& pair, const std::string& step) {
    const auto [known, is_new] = seen_.try_emplace(pair);
    if (!is_new) return known->second.empty();
    trail_.push_back(step);
    Flaws flaws;
    if (trail_.size() > limits_.named_depth_max || !is_within_steps()) {
      too_much();
    } else {
      flaws = compare(pair);
    }
    trail_.pop_back();
    known->second = std::move(flaws);
    return known->second.empty();
  }
  void look_below(Flaws& flaws, const Pair& pair, const std::string& step) {
    if (!look(pair, step)) flaws.push_back({step, pair, {}});
  }
  // Each pair is told once, at its first place: schemas that use a type again and again would make a list
  // that doubles with each use.
  void report(const Pair& pair, const std::string& path, std::vector<Difference>& all) {
    if (!reported_.insert(pair).second) return;
    for (Flaw& flaw : seen_[pair]) {
      if (flaw.below) {
        report(*flaw.below, path + flaw.step, all);
      } else {
        flaw.own.path = path + flaw.step;
        all.push_back(std::move(flaw.own));
      }
    }
  }
  static Flaw own(std::string step, std::string rule, std::string writes, std::string reads,
                  std::string allowed) {
    return {std::move(step),
            std::nullopt,
            {std::move(rule), "", std::move(writes), std::move(reads), std::move(allowed)}};
  }

  Flaws compare(const Pair& pair) {
    const Type& reader = reader_[pair.first];
    const Type& writer = writer_[pair.second];
    if (writer.kind == Kind::kUnion) return from_union(pair, reader, writer);
    if (reader.kind == Kind::kUnion) return into_union(pair, reader, writer);
    if (reader.kind != writer.kind) {
      if (promotes(reader.kind, writer.kind)) return {};
      return {own("", "TYPE_MISMATCH", branch_name(writer), branch_name(reader), allowed_for(writer))};
    }
    Flaws flaws;
    switch (reader.kind) {
      case Kind::kArray:
        look_below(flaws, {reader.inner, writer.inner}, "/items");
        return flaws;
      case Kind::kMap:
        look_below(flaws, {reader.inner, writer.inner}, "/values");
        return flaws;
      case Kind::kRecord:
        return records(reader, writer);
      case Kind::kEnum:
        return enums(reader, writer);
      case Kind::kFixed:
        return fixed(reader, writer);
      default:
        return flaws;
    }
  }

  // Each branch may have been written.
  Flaws from_union(const Pair& pair, const Type& reader, const Type& writer) {
    Flaws flaws;
    for (std::size_t i = 0; i < writer.branches.size(); ++i) {
      const Pair branch{pair.first, writer.branches[i]};
      const std::string step = "/" + std::to_string(i);
      if (reader.kind == Kind::kUnion) {
        if (!look(branch, step)) flaws.push_back(no_branch(step, reader, writer_[branch.second]));
      } else {
        look_below(flaws, branch, step);
      }
    }
    return flaws;
  }
  Flaws into_union(const Pair& pair, const Type& reader, const Type& writer) {
    for (const TypeId branch : reader.branches)
      if (is_within_steps() && look({branch, pair.second}, "")) return {};
    return {no_branch("", reader, writer)};
  }
  [[nodiscard]] Flaw no_branch(const std::string& step, const Type& reader, const Type& writer) const {
    return own(step, "MISSING_UNION_BRANCH", branch_name(writer), described(reader_, reader),
               "a branch that reads " + branch_name(writer));
  }

  static void names(Flaws& flaws, const Type& reader, const Type& writer) {
    if (is_named_like(reader, writer)) return;
    flaws.push_back(own("/name", "NAME_MISMATCH", writer.full_name(), reader.full_name(),
                        "the name " + writer.name + ", or the alias " + writer.full_name()));
  }

  Flaws records(const Type& reader, const Type& writer) {
    Flaws flaws;
    names(flaws, reader, writer);
    std::map<std::string_view, const Field*> written;
    for (const Field& field : writer.fields) written.emplace(field.name, &field);
    steps_ += written.size();
    for (std::size_t i = 0; i < reader.fields.size() && is_within_steps(); ++i)
      field_of(flaws, reader.fields[i], "/fields/" + std::to_string(i), written);
    return flaws;
  }
  void field_of(Flaws& flaws, const Field& field, const std::string& step,
                const std::map<std::string_view, const Field*>& written) {
    std::vector<const Field*> found;
    const auto add = [&](const std::string& name) {
      if (const auto at = written.find(name); at != written.end()) found.push_back(at->second);
    };
    add(field.name);
    for (const std::string& alias : field.aliases) add(alias);
    if (found.size() > 1) return several(field, step, found);
    if (!found.empty()) return look_below(flaws, {field.type, found.front()->type}, step + "/type");
    const Type& type = reader_[field.type];
    if (field.default_value) return;
    const std::string allowed =
        "a default for " + field.name + ", or an alias that is a field of what is written";
    // The Java library takes the default of an enum for one of the field, and then finds that a record is
    // none: it must be given at the field.
    if (type.kind == Kind::kEnum && type.enum_default) {
      flaws.push_back(own(step + "/type", "TYPE_MISMATCH", "", branch_name(type), allowed));
    } else {
      flaws.push_back(own(step, "READER_FIELD_MISSING_DEFAULT_VALUE", "", "field " + field.name, allowed));
    }
  }

  Flaws enums(const Type& reader, const Type& writer) {
    Flaws flaws;
    names(flaws, reader, writer);
    if (reader.enum_default) return flaws;
    const std::set<std::string_view> known(reader.symbols.begin(), reader.symbols.end());
    std::vector<std::string> missing;
    for (const std::string& symbol : writer.symbols)
      if (!known.contains(symbol)) missing.push_back(symbol);
    steps_ += reader.symbols.size() + writer.symbols.size();
    if (!missing.empty()) {
      flaws.push_back(own("/symbols", "MISSING_ENUM_SYMBOLS", listed(writer.symbols), listed(reader.symbols),
                          "the symbols " + listed(missing) + ", or a default of the enum"));
    }
    return flaws;
  }

  static Flaws fixed(const Type& reader, const Type& writer) {
    Flaws flaws;
    names(flaws, reader, writer);
    if (reader.size != writer.size) {
      flaws.push_back(own("/size", "FIXED_SIZE_MISMATCH", std::to_string(writer.size),
                          std::to_string(reader.size), "the size " + std::to_string(writer.size)));
    }
    return flaws;
  }

  // The registry has no name for it, only an error; no schema like that is compatible there.
  void several(const Field& field, const std::string& step, const std::vector<const Field*>& found) {
    std::vector<std::string> names;
    for (const Field* one : found) names.push_back(one->name);
    final_.push_back({"READER_FIELD_MATCHES_SEVERAL", trail() + step, "the fields " + listed(names),
                      "field " + field.name,
                      "a name and aliases of which one is a field of what is written"});
  }
  [[nodiscard]] bool is_unchanged() const {
    const auto reads = resolved_text(reader_, limits_), writes = resolved_text(writer_, limits_);
    return reads && writes && *reads == *writes;
  }
  bool is_within_steps() {
    if (++steps_ <= limits_.compared_steps_max) return true;
    too_much();
    return false;
  }
  void too_much() {
    if (std::exchange(is_too_much_, true)) return;
    final_.push_back({"TOO_COMPLEX", trail(), "", "",
                      "schemas that are compared in " + std::to_string(limits_.compared_steps_max) +
                          " steps, at most " + std::to_string(limits_.named_depth_max) + " deep"});
  }
  [[nodiscard]] std::string trail() const {
    std::string path;
    for (const std::string& step : trail_) path += step;
    return path;
  }

  const Schema& reader_;
  const Schema& writer_;
  const Limits& limits_;
  std::map<Pair, Flaws> seen_;
  std::set<Pair> reported_;
  std::vector<std::string> trail_;
  std::vector<Difference> final_;
  std::size_t steps_ = 0;
  bool is_too_much_ = false;
};

}  // namespace

std::vector<Difference> differences(const Schema& reader, const Schema& writer, const Limits& limits) {
  return Judge(reader, writer, limits).judge();
}

}  // namespace forebay::schema::avro
