// Nothing changes incompatibly within forebay.v1: what tests/format/proto/v1.descriptor says, the descriptors
// of today still say. The file is made at each release, never in between:
//   protoc -I proto --include_imports --descriptor_set_out=tests/format/proto/v1.descriptor
//   proto/forebay/v1/*.proto
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/descriptor_database.h>
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "forebay/v1/admin.pb.h"
#include "forebay/v1/log.pb.h"

namespace forebay::test {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptorProto;
using google::protobuf::FileDescriptorSet;
using google::protobuf::ServiceDescriptor;

// Everything about a field that a peer or a generated program depends on.
std::string field_text(const FieldDescriptor& field) {
  std::string text = field.name() + " = " + std::to_string(field.number()) + ": " + field.type_name();
  if (field.message_type() != nullptr) text += " " + field.message_type()->full_name();
  if (field.enum_type() != nullptr) text += " " + field.enum_type()->full_name();
  if (field.is_repeated()) text += " repeated";
  if (field.has_presence()) text += " presence";
  if (field.real_containing_oneof() != nullptr) text += " in " + field.real_containing_oneof()->name();
  return text;
}

class Comparison {
 public:
  explicit Comparison(const DescriptorPool& now) : now_(now) {}

  void message(const Descriptor& before) {
    const Descriptor* after = now_.FindMessageTypeByName(before.full_name());
    if (after == nullptr) return report("message " + before.full_name() + " is gone");
    for (int index = 0; index < before.field_count(); ++index) {
      const FieldDescriptor& field = *before.field(index);
      const FieldDescriptor* same = after->FindFieldByNumber(field.number());
      if (same == nullptr || field_text(*same) != field_text(field)) {
        report(before.full_name() + "." + field_text(field) + " is now " +
               (same == nullptr ? "gone" : field_text(*same)));
      }
    }
    for (int index = 0; index < before.nested_type_count(); ++index) message(*before.nested_type(index));
    for (int index = 0; index < before.enum_type_count(); ++index) enumeration(*before.enum_type(index));
  }
  void enumeration(const EnumDescriptor& before) {
    const EnumDescriptor* after = now_.FindEnumTypeByName(before.full_name());
    if (after == nullptr) return report("enum " + before.full_name() + " is gone");
    for (int index = 0; index < before.value_count(); ++index) {
      const auto* same = after->FindValueByNumber(before.value(index)->number());
      if (same == nullptr || same->name() != before.value(index)->name()) {
        report("enum value " + before.value(index)->full_name() + " is changed or gone");
      }
    }
  }
  void service(const ServiceDescriptor& before) {
    const ServiceDescriptor* after = now_.FindServiceByName(before.full_name());
    if (after == nullptr) return report("service " + before.full_name() + " is gone");
    for (int index = 0; index < before.method_count(); ++index) {
      const auto& method = *before.method(index);
      const auto* same = after->FindMethodByName(method.name());
      if (same == nullptr || same->input_type()->full_name() != method.input_type()->full_name() ||
          same->output_type()->full_name() != method.output_type()->full_name() ||
          same->client_streaming() != method.client_streaming() ||
          same->server_streaming() != method.server_streaming()) {
        report("method " + method.full_name() + " is changed or gone");
      }
    }
  }
  [[nodiscard]] const std::vector<std::string>& problems() const { return problems_; }

 private:
  void report(std::string problem) { problems_.push_back(std::move(problem)); }
  const DescriptorPool& now_;
  std::vector<std::string> problems_;
};

std::vector<std::string> incompatibilities(const FileDescriptorSet& released, const DescriptorPool& now) {
  DescriptorPool before;
  Comparison comparison(now);
  for (const FileDescriptorProto& proto : released.file()) {
    const auto* file = before.BuildFile(proto);
    if (file == nullptr) return {"the released descriptor of " + proto.name() + " is not readable"};
    if (file->package() != "forebay.v1") continue;
    for (int index = 0; index < file->message_type_count(); ++index)
      comparison.message(*file->message_type(index));
    for (int index = 0; index < file->enum_type_count(); ++index)
      comparison.enumeration(*file->enum_type(index));
    for (int index = 0; index < file->service_count(); ++index) comparison.service(*file->service(index));
  }
  return comparison.problems();
}

FileDescriptorSet released() {
  FileDescriptorSet set;
  std::ifstream file("tests/format/proto/v1.descriptor", std::ios::binary);
  EXPECT_TRUE(set.ParseFromIstream(&file)) << "tests/format/proto/v1.descriptor cannot be read";
  return set;
}

TEST(ProtoV1, IsCompatibleWithTheRelease) {
  // Naming the files links them in: the pool knows only what the program uses.
  ASSERT_NE(v1::DescribeNodeRequest::descriptor(), nullptr);
  ASSERT_NE(v1::ProduceRequest::descriptor(), nullptr);
  const FileDescriptorSet set = released();
  ASSERT_GE(set.file_size(), 4);  // three of ours and any.proto
  EXPECT_EQ(incompatibilities(set, *DescriptorPool::generated_pool()), std::vector<std::string>{});
}

// The check itself: each of these changes must be seen.
class IncompatibleChange : public testing::Test {
 protected:
  using Change = void (*)(FileDescriptorProto& log);
  // Problems between the release and the release changed.
  static std::size_t problems_after(Change change) {
    const FileDescriptorSet before = released();
    FileDescriptorSet after = before;
    for (FileDescriptorProto& file : *after.mutable_file()) {
      if (file.name() == "forebay/v1/log.proto") change(file);
    }
    DescriptorPool pool;
    for (const FileDescriptorProto& file : after.file()) EXPECT_NE(pool.BuildFile(file), nullptr);
    return incompatibilities(before, pool).size();
  }
  static google::protobuf::DescriptorProto& message(FileDescriptorProto& file, const std::string& name) {
    for (auto& each : *file.mutable_message_type()) {
      if (each.name() == name) return each;
    }
    ADD_FAILURE() << name << " is not there";
    return *file.add_message_type();
  }
};

TEST_F(IncompatibleChange, NoneIsCompatible) {
  EXPECT_EQ(problems_after([](FileDescriptorProto&) {}), 0U);
}
TEST_F(IncompatibleChange, NewFieldIsCompatible) {
  EXPECT_EQ(problems_after([](FileDescriptorProto& log) {
              auto* field = message(log, "FetchRequest").add_field();
              field->set_name("new_one");
              field->set_number(100);
              field->set_type(google::protobuf::FieldDescriptorProto::TYPE_INT32);
              field->set_label(google::protobuf::FieldDescriptorProto::LABEL_OPTIONAL);
            }),
            0U);
}
TEST_F(IncompatibleChange, RemovedFieldIsSeen) {
  EXPECT_EQ(problems_after(
                [](FileDescriptorProto& log) { message(log, "FetchRequest").mutable_field()->RemoveLast(); }),
            1U);
}
TEST_F(IncompatibleChange, RenumberedFieldIsSeen) {
  EXPECT_EQ(problems_after([](FileDescriptorProto& log) {
              message(log, "FetchRequest").mutable_field(0)->set_number(100);
            }),
            1U);
}
TEST_F(IncompatibleChange, RetypedFieldIsSeen) {
  EXPECT_EQ(problems_after([](FileDescriptorProto& log) {
              message(log, "FetchRequest")
                  .mutable_field(0)
                  ->set_type(google::protobuf::FieldDescriptorProto::TYPE_BYTES);
            }),
            1U);
}
TEST_F(IncompatibleChange, RenamedFieldIsSeen) {
  EXPECT_EQ(problems_after([](FileDescriptorProto& log) {
              message(log, "FetchRequest").mutable_field(0)->set_name("subject");
            }),
            1U);
}
TEST_F(IncompatibleChange, RenumberedEnumValueIsSeen) {
  EXPECT_EQ(problems_after(
                [](FileDescriptorProto& log) { log.mutable_enum_type(0)->mutable_value(1)->set_number(77); }),
            1U);
}
TEST_F(IncompatibleChange, RemovedMethodIsSeen) {
  EXPECT_EQ(problems_after(
                [](FileDescriptorProto& log) { log.mutable_service(0)->mutable_method()->RemoveLast(); }),
            1U);
}
TEST_F(IncompatibleChange, StreamTurnedUnaryIsSeen) {
  EXPECT_EQ(problems_after([](FileDescriptorProto& log) {
              log.mutable_service(0)->mutable_method(0)->set_client_streaming(false);
            }),
            1U);
}

}  // namespace
}  // namespace forebay::test
