#include "schema/core/protobuf/proto_compatibility.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace forebay::schema::protobuf {
namespace {

namespace pb = google::protobuf;

// What may take each other's place, as the language's guide has it.
enum class Group : unsigned char {
  kNumber,
  kSigned,
  kText,
  kFixed32,
  kFixed64,
  kFloat,
  kDouble,
  kMessage,
  kMap
};

Group group_of(const pb::FieldDescriptor& field) {
  if (field.is_map()) return Group::kMap;
  switch (field.type()) {
    case pb::FieldDescriptor::TYPE_SINT32:
    case pb::FieldDescriptor::TYPE_SINT64:
      return Group::kSigned;
    case pb::FieldDescriptor::TYPE_STRING:
    case pb::FieldDescriptor::TYPE_BYTES:
      return Group::kText;
    case pb::FieldDescriptor::TYPE_FIXED32:
    case pb::FieldDescriptor::TYPE_SFIXED32:
      return Group::kFixed32;
    case pb::FieldDescriptor::TYPE_FIXED64:
    case pb::FieldDescriptor::TYPE_SFIXED64:
      return Group::kFixed64;
    case pb::FieldDescriptor::TYPE_FLOAT:
      return Group::kFloat;
    case pb::FieldDescriptor::TYPE_DOUBLE:
      return Group::kDouble;
    case pb::FieldDescriptor::TYPE_MESSAGE:
    case pb::FieldDescriptor::TYPE_GROUP:
      return Group::kMessage;
    default:
      return Group::kNumber;
  }
}
bool is_scalar(Group group) { return group < Group::kMessage; }

std::string members_of(Group group) {
  switch (group) {
    case Group::kNumber:
      return "int32, int64, uint32, uint64, bool or an enum";
    case Group::kSigned:
      return "sint32 or sint64";
    case Group::kText:
      return "string or bytes";
    case Group::kFixed32:
      return "fixed32 or sfixed32";
    case Group::kFixed64:
      return "fixed64 or sfixed64";
    case Group::kFloat:
      return "float";
    case Group::kDouble:
      return "double";
    case Group::kMessage:
      return "a message";
    case Group::kMap:
      return "a map";
  }
  return "";
}

std::string type_of(const pb::FieldDescriptor& field) {
  if (field.is_map()) {
    return "map<" + type_of(*field.message_type()->map_key()) + ", " +
           type_of(*field.message_type()->map_value()) + ">";
  }
  if (field.message_type() != nullptr) return field.message_type()->full_name();
  if (field.enum_type() != nullptr) return field.enum_type()->full_name();
  return field.type_name();
}

// As it is written; proto3 writes none where there is one value, nor has a field of a oneof or a map one.
std::string_view label_of(const pb::FieldDescriptor& field) {
  if (field.is_map() || field.real_containing_oneof() != nullptr) return {};
  if (field.is_repeated()) return "repeated";
  if (field.is_required()) return "required";
  const bool is_written =
      field.file()->syntax() == pb::FileDescriptor::SYNTAX_PROTO2 || field.has_optional_keyword();
  return is_written ? "optional" : std::string_view();
}
std::string labelled(const pb::FieldDescriptor& field) {
  std::string text(label_of(field));
  return (text.empty() ? text : text + ' ') + type_of(field) + ' ' + field.name() + " = " +
         std::to_string(field.number());
}

std::string local_name(const pb::Descriptor& message) {
  const std::string& package = message.file()->package();
  return package.empty() ? message.full_name() : message.full_name().substr(package.size() + 1);
}
std::string path_of(const pb::Descriptor& message) {
  std::string path = local_name(message);
  for (char& c : path) c = c == '.' ? '/' : c;
  return "#/" + path;
}

class Judge {
 public:
  Judge(const pb::FileDescriptor& reader, const pb::FileDescriptor& writer)
      : reader_(reader), writer_(writer) {}

  std::vector<Difference> judge() {
    for (int i = 0; i < writer_.message_type_count(); ++i) {
      const pb::Descriptor& written = *writer_.message_type(i);
      match(written, reader_.FindMessageTypeByName(written.name()), "#/" + written.name());
    }
    std::vector<Difference> all = std::exchange(removed_, {});
    // What is found in imports may lead to more of them.
    for (std::size_t i = 0; i < pairs_.size(); ++i) compare(i);
    spread();
    for (Pair& pair : pairs_) {
      std::move(pair.found.begin(), pair.found.end(), std::back_inserter(all));
      for (const Use& use : pair.uses) {
        if (!pairs_[use.pair].is_compatible) all.push_back(named(*use.reads, *use.writes, use.path));
      }
    }
    return all;
  }

 private:
  // A field whose type is looked at as another pair.
  struct Use {
    std::size_t pair;
    const pb::FieldDescriptor *reads, *writes;
    std::string path;
  };
  struct Pair {
    const pb::Descriptor *reads, *writes;
    std::string path;
    std::vector<Difference> found = {};
    std::vector<Use> uses = {};
    std::vector<std::size_t> nested = {};  // pairs of messages declared in these
    bool is_compatible = true;
  };

  // A message of the file, or one in a message, by its name.
  std::optional<std::size_t> match(const pb::Descriptor& written, const pb::Descriptor* read,
                                   const std::string& path) {
    if (written.options().map_entry()) return std::nullopt;
    if (read != nullptr && !read->options().map_entry()) return pair_of(*read, written, path);
    removed_.push_back({"MESSAGE_REMOVED", path, "message " + written.name(), "",
                        "the message " + written.name() + ", without fields if it is not used any more"});
    return std::nullopt;
  }
  std::size_t pair_of(const pb::Descriptor& reads, const pb::Descriptor& writes, const std::string& path) {
    const auto [known, is_new] = known_.try_emplace({&reads, &writes}, pairs_.size());
    if (is_new) pairs_.push_back({&reads, &writes, path});
    return known->second;
  }

  void compare(std::size_t index) {
    found_.clear();
    uses_.clear();
    const Pair pair = pairs_[index];  // a copy: more of them come
    oneofs(*pair.reads, *pair.writes, pair.path);
    fields(*pair.reads, *pair.writes, pair.path);
    removed_.clear();
    for (int i = 0; i < pair.writes->nested_type_count(); ++i) {
      const pb::Descriptor& written = *pair.writes->nested_type(i);
      const auto nested =
          match(written, pair.reads->FindNestedTypeByName(written.name()), pair.path + '/' + written.name());
      if (nested) pairs_[index].nested.push_back(*nested);
    }
    found_.insert(found_.end(), removed_.begin(), removed_.end());
    pairs_[index].found = std::move(found_);
    pairs_[index].uses = std::move(uses_);
  }

  // What could not be set together before may be lost if it were.
  void oneofs(const pb::Descriptor& reads, const pb::Descriptor& writes, const std::string& path) {
    for (int i = 0; i < reads.real_oneof_decl_count(); ++i) {
      const pb::OneofDescriptor& choice = *reads.oneof_decl(i);
      std::string moved;
      int moved_count = 0, existing_count = 0;
      for (int j = 0; j < choice.field_count(); ++j) {
        const pb::FieldDescriptor* written = writes.FindFieldByNumber(choice.field(j)->number());
        if (written == nullptr) continue;
        if (written->real_containing_oneof() != nullptr) {
          ++existing_count;
          continue;
        }
        moved += (moved.empty() ? "" : ", ") + written->name();
        ++moved_count;
      }
      const std::string at = path + '/' + choice.name();
      if (moved_count > 1) {
        add({"MULTIPLE_FIELDS_MOVED_TO_ONEOF", at, "fields " + moved, "oneof " + choice.name(),
             "one of these fields in a new oneof, the others outside of it"});
      } else if (moved_count == 1 && existing_count > 0) {
        add({"FIELD_MOVED_TO_EXISTING_ONEOF", at, "field " + moved, "oneof " + choice.name(),
             "the field " + moved + " outside of the oneof"});
      }
    }
    for (int i = 0; i < writes.real_oneof_decl_count(); ++i) {
      const pb::OneofDescriptor& written = *writes.oneof_decl(i);
      const pb::OneofDescriptor* read = reads.FindOneofByName(written.name());
      if (read == nullptr || read->is_synthetic()) continue;  // a oneof may go
      for (int j = 0; j < written.field_count(); ++j) {
        const pb::FieldDescriptor& field = *written.field(j);
        if (reads.FindFieldByNumber(field.number()) != nullptr) continue;
        add({"ONEOF_FIELD_REMOVED", path + '/' + written.name() + '/' + std::to_string(field.number()),
             labelled(field), "", "the field " + field.name() + " in the oneof or outside of it"});
      }
    }
  }

  void fields(const pb::Descriptor& reads, const pb::Descriptor& writes, const std::string& path) {
    for (int i = 0; i < writes.field_count(); ++i) {
      const pb::FieldDescriptor& written = *writes.field(i);
      const pb::FieldDescriptor* read = reads.FindFieldByNumber(written.number());
      const std::string at = path_in(written, read, path);
      if (read != nullptr) {
        field(*read, written, at);
      } else if (written.is_required()) {
        add({"REQUIRED_FIELD_REMOVED", at, labelled(written), "",
             "the field " + written.name() + ", which others may still require"});
      }
    }
    for (int i = 0; i < reads.field_count(); ++i) {
      const pb::FieldDescriptor& read = *reads.field(i);
      const pb::FieldDescriptor* written = writes.FindFieldByNumber(read.number());
      if (!read.is_required() || (written != nullptr && written->real_containing_oneof() == nullptr))
        continue;
      add({"REQUIRED_FIELD_ADDED", path + '/' + std::to_string(read.number()), "", labelled(read),
           "an optional field"});
    }
  }
  // Of a field that stays in its oneof, within that.
  static std::string path_in(const pb::FieldDescriptor& written, const pb::FieldDescriptor* read,
                             const std::string& path) {
    const auto* choice = written.real_containing_oneof();
    const auto* other = read == nullptr ? nullptr : read->real_containing_oneof();
    const bool stays = choice != nullptr && other != nullptr && choice->name() == other->name();
    return path + (stays ? '/' + choice->name() : "") + '/' + std::to_string(written.number());
  }

  void field(const pb::FieldDescriptor& read, const pb::FieldDescriptor& written, const std::string& at) {
    if (!types(read, written, at)) return;
    const Group group = group_of(written);
    const std::string_view label = label_of(written);
    // String and bytes may be read singular or repeated: the last one counts.
    if (!is_scalar(group) || group == Group::kText || label.empty() || label_of(read).empty() ||
        label == label_of(read))
      return;
    add({"FIELD_NUMERIC_LABEL_CHANGED", at, labelled(written), labelled(read),
         "the label " + std::string(label)});
  }

  // False: the kinds differ, which is said.
  bool types(const pb::FieldDescriptor& read, const pb::FieldDescriptor& written, const std::string& at) {
    const Group reads = group_of(read), writes = group_of(written);
    if (reads != writes) {
      const bool scalars = is_scalar(reads) && is_scalar(writes);
      add({scalars ? "FIELD_SCALAR_KIND_CHANGED" : "FIELD_KIND_CHANGED", at, type_of(written), type_of(read),
           is_scalar(writes) ? members_of(writes) : type_of(written)});
      return false;
    }
    if (writes == Group::kMap) {
      const pb::Descriptor &entry = *read.message_type(), &other = *written.message_type();
      types(*entry.map_key(), *other.map_key(), at);
      types(*entry.map_value(), *other.map_value(), at);
    } else if (writes == Group::kMessage) {
      messages(read, written, at);
    }
    return true;
  }

  // Where both are declared in the schema itself they are compared by their names anyway.
  void messages(const pb::FieldDescriptor& read, const pb::FieldDescriptor& written, const std::string& at) {
    const pb::Descriptor &reads = *read.message_type(), &writes = *written.message_type();
    if (local_name(reads) != local_name(writes)) {
      add(named(read, written, at));
      return;
    }
    if (reads.file() == &reader_ && writes.file() == &writer_) return;
    const std::size_t pair = pair_of(reads, writes, path_of(writes));
    uses_.push_back({pair, &read, &written, at});
  }
  static Difference named(const pb::FieldDescriptor& read, const pb::FieldDescriptor& written,
                          const std::string& at) {
    const pb::Descriptor &reads = *read.message_type(), &writes = *written.message_type();
    const bool is_same = local_name(reads) == local_name(writes);
    return {
        "FIELD_NAMED_TYPE_CHANGED", at, writes.full_name(), reads.full_name(),
        is_same ? "a " + local_name(writes) + " that is compatible" : "the message " + local_name(writes)};
  }

  // What holds something that is not compatible is not compatible.
  void spread() {
    std::vector<std::vector<std::size_t>> users(pairs_.size());
    std::vector<std::size_t> wrong;
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
      for (const Use& use : pairs_[i].uses) users[use.pair].push_back(i);
      for (const std::size_t nested : pairs_[i].nested) users[nested].push_back(i);
      pairs_[i].is_compatible = pairs_[i].found.empty();
      if (!pairs_[i].is_compatible) wrong.push_back(i);
    }
    while (!wrong.empty()) {
      const std::size_t one = wrong.back();
      wrong.pop_back();
      for (const std::size_t user : users[one]) {
        if (!std::exchange(pairs_[user].is_compatible, false)) continue;
        wrong.push_back(user);
      }
    }
  }

  void add(Difference one) { found_.push_back(std::move(one)); }

  const pb::FileDescriptor& reader_;
  const pb::FileDescriptor& writer_;
  std::vector<Pair> pairs_;
  std::map<std::pair<const pb::Descriptor*, const pb::Descriptor*>, std::size_t> known_;
  std::vector<Difference> found_, removed_;  // of the pair that is compared
  std::vector<Use> uses_;
};

}  // namespace

std::vector<Difference> differences(const Schema& reader, const Schema& writer) {
  return Judge(*reader.file, *writer.file).judge();
}

}  // namespace forebay::schema::protobuf
