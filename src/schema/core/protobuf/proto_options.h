// Options as text, also those that a schema declares itself or imports.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "schema/core/protobuf/proto_names.h"

namespace google::protobuf {
class DescriptorPool;
class DynamicMessageFactory;
class Message;
}  // namespace google::protobuf

namespace forebay::schema::protobuf {

struct Option {
  std::string name, value;  // "deprecated", "(confluent.field_meta)"; as they stand in a .proto file
};

class OptionReader {
 public:
  enum class Custom : bool { kSkip, kRead };
  OptionReader(const google::protobuf::DescriptorPool& pool, const NameWriter& names, Custom custom);
  ~OptionReader();
  OptionReader(const OptionReader&) = delete;
  OptionReader& operator=(const OptionReader&) = delete;
  // In the order of their numbers. Custom options that no known file declares are left out.
  [[nodiscard]] std::vector<Option> read(const google::protobuf::Message& options,
                                         const google::protobuf::Descriptor* scope);

 private:
  const google::protobuf::DescriptorPool& pool_;
  const NameWriter& names_;
  Custom custom_;
  std::unique_ptr<google::protobuf::DynamicMessageFactory> messages_;
};

}  // namespace forebay::schema::protobuf
