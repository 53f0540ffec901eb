#include "schema/core/avro/avro_compatibility.h"

#include <algorithm>
#include <map>
#include <utility>

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

std::string name_of(const Type& type) {
  return is_named(type.kind) ? type.full_name() : std::string(kind_name(type.kind));
}

std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& one : texts) all += (all.empty() ? "" : ", ") + one;
  return all;
}

class Judge {
 public:
  Judge(const Schema& reader, const Schema& writer) : reader_(reader), writer_(writer) {}

  // Those of this pair and of all below it, found at `path`.
  std::vector<Difference> look(TypeId reads, TypeId writes, const std::string& path) {
    // While a pair is being looked at, it is taken for compatible: what is wrong with it is found where it
    // began.
    const auto [known, is_new] = seen_.try_emplace({reads, writes});
    if (!is_new) return known->second;
    auto found = compare(reader_[reads], writer_[writes], reads, writes, path);
    seen_[{reads, writes}] = found;
    return found;
  }

 private:
  using Found = std::vector<Difference>;
  static void append(Found& all, Found more) {
    all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }

  Found compare(const Type& reader, const Type& writer, TypeId reads, TypeId writes,
                const std::string& path) {
    if (writer.kind == Kind::kUnion) return from_union(reader, writer, reads, path);
    if (reader.kind == Kind::kUnion) return into_union(reader, writer, writes, path);
    if (reader.kind != writer.kind) {
      if (promotes(reader.kind, writer.kind)) return {};
      return {{"TYPE_MISMATCH", path, name_of(writer), name_of(reader), allowed_for(writer)}};
    }
    switch (reader.kind) {
      case Kind::kArray:
        return look(reader.inner, writer.inner, path + "/items");
      case Kind::kMap:
        return look(reader.inner, writer.inner, path + "/values");
      case Kind::kRecord:
        return records(reader, writer, path);
      case Kind::kEnum:
        return enums(reader, writer, path);
      case Kind::kFixed:
        return fixed(reader, writer, path);
      default:
        return {};
    }
  }

  static std::string allowed_for(const Type& writer) {
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
        return name_of(writer) + ", or a union with it";
    }
  }

  // Each branch may have been written.
  Found from_union(const Type& reader, const Type& writer, TypeId reads, const std::string& path) {
    Found all;
    for (std::size_t i = 0; i < writer.branches.size(); ++i) {
      const TypeId branch = writer.branches[i];
      if (reader.kind == Kind::kUnion) {
        append(all, into_union(reader, writer_[branch], branch, path + "/" + std::to_string(i)));
      } else {
        append(all, look(reads, branch, path));
      }
    }
    return all;
  }
  Found into_union(const Type& reader, const Type& writer, TypeId writes, const std::string& path) {
    std::string names;
    for (const TypeId branch : reader.branches) {
      if (look(branch, writes, path).empty()) return {};
      names += (names.empty() ? "" : ", ") + name_of(reader_[branch]);
    }
    return {{"MISSING_UNION_BRANCH", path, name_of(writer), "a union of " + names,
             "a branch that reads " + name_of(writer)}};
  }

  static Found names(const Type& reader, const Type& writer, const std::string& path) {
    if (is_named_like(reader, writer)) return {};
    return {{"NAME_MISMATCH", path + "/name", writer.full_name(), reader.full_name(),
             "the name " + writer.name + ", or the alias " + writer.full_name()}};
  }

  Found records(const Type& reader, const Type& writer, const std::string& path) {
    Found all = names(reader, writer, path);
    for (std::size_t i = 0; i < reader.fields.size(); ++i) {
      const Field& field = reader.fields[i];
      const std::string at = path + "/fields/" + std::to_string(i);
      if (const Field* written = written_field(field, writer)) {
        append(all, look(field.type, written->type, at + "/type"));
        continue;
      }
      const Type& type = reader_[field.type];
      if (field.default_value || (type.kind == Kind::kEnum && type.enum_default)) continue;
      all.push_back({"READER_FIELD_MISSING_DEFAULT_VALUE", at, "", "field " + field.name,
                     "a default for " + field.name + ", or an alias that is a field of what is written"});
    }
    return all;
  }
  static const Field* written_field(const Field& field, const Type& writer) {
    const auto find = [&](const std::string& name) {
      return std::find_if(writer.fields.begin(), writer.fields.end(),
                          [&](const Field& one) { return one.name == name; });
    };
    auto found = find(field.name);
    for (const std::string& alias : field.aliases) {
      if (found == writer.fields.end()) found = find(alias);
    }
    return found == writer.fields.end() ? nullptr : &*found;
  }

  static Found enums(const Type& reader, const Type& writer, const std::string& path) {
    Found all = names(reader, writer, path);
    std::vector<std::string> missing;
    for (const std::string& symbol : writer.symbols) {
      if (std::count(reader.symbols.begin(), reader.symbols.end(), symbol) == 0) missing.push_back(symbol);
    }
    if (!missing.empty() && !reader.enum_default) {
      all.push_back({"MISSING_ENUM_SYMBOLS", path + "/symbols", joined(writer.symbols),
                     joined(reader.symbols),
                     "the symbols " + joined(missing) + ", or a default of the enum"});
    }
    return all;
  }

  static Found fixed(const Type& reader, const Type& writer, const std::string& path) {
    Found all = names(reader, writer, path);
    if (reader.size != writer.size) {
      all.push_back({"FIXED_SIZE_MISMATCH", path + "/size", std::to_string(writer.size),
                     std::to_string(reader.size), "the size " + std::to_string(writer.size)});
    }
    return all;
  }

  const Schema& reader_;
  const Schema& writer_;
  std::map<std::pair<TypeId, TypeId>, Found> seen_;
};

}  // namespace

std::vector<Difference> differences(const Schema& reader, const Schema& writer) {
  return Judge(reader, writer).look(reader.root, writer.root, "");
}

}  // namespace forebay::schema::avro
