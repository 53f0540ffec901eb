// Where a broker finds what it needs to check records against schemas. Thread rules: its parts may be used
// from any thread.
#pragma once

#include <memory>

namespace forebay::runtime {
class BlockingPool;
}  // namespace forebay::runtime
namespace forebay::schema {
class Doubts;
class LocalRegistry;
class ParsedSchemas;
class UsageBook;
}  // namespace forebay::schema

namespace forebay::broker {

// What is a pointer outlives the broker.
struct RegistryParts {
  std::shared_ptr<schema::LocalRegistry> local;
  std::shared_ptr<schema::ParsedSchemas> schemas;
  schema::UsageBook* usage = nullptr;
  schema::Doubts* doubts = nullptr;
  runtime::BlockingPool* pool = nullptr;
};

}  // namespace forebay::broker
