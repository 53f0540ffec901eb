// What a node does with schemas: the part of Broker that the schema registry's faces use. Thread rules: those
// of Broker.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <vector>

#include "base/result.h"
#include "base/unique_function.h"

namespace forebay::schema {
class ParsedSchemas;
class Registry;
class SharedImage;
struct SchemaUsage;
}  // namespace forebay::schema

namespace forebay::broker {

class SchemaPort {
 public:
  virtual ~SchemaPort() = default;

  // Runs `use` with the schema registry, which leads, on its shard. Or with why there is none here. Errors:
  // kNotLeader, kNotYet, and those of machine::Host::check. The first use makes it, which takes a moment.
  using UseRegistry = UniqueFunction<void(Result<schema::Registry*>)>;
  virtual void with_registry(UseRegistry use) = 0;
  // Likewise with a replica here, whether or not it leads. Errors: kNotYet, kNotLeader: there is none.
  virtual void with_registry_replica(UseRegistry use) = 0;
  // Whether anybody has ever used it, as far as this node knows.
  [[nodiscard]] virtual bool has_registry() const = 0;
  // Whether what this node does not know of is not there. No: it has started, and may have missed something.
  [[nodiscard]] virtual bool knows_topics() const = 0;
  // Its state on this node; nothing if there is none. May be behind (SharedImage::is_current).
  [[nodiscard]] virtual std::shared_ptr<const schema::SharedImage> registry_image() const = 0;
  // Whether more of that may wait. Errors: kResourceExhausted.
  [[nodiscard]] virtual Result<void> check_schema_work() const { return {}; }
  // Runs `work` where it may take long, then `then`, on some thread. With the parsed schemas of this node.
  virtual void with_schemas(UniqueFunction<void(schema::ParsedSchemas&)> work,
                            UniqueFunction<void()> then) = 0;
  // Which of these schemas have come to this node, with records of validated topics.
  [[nodiscard]] virtual std::vector<schema::SchemaUsage> schema_usage(
      const std::set<std::int32_t>& ids) const = 0;
  // What a replica said, with the API of the node that leads it now, if that is another one. An error without
  // a leader: nobody is known to lead it.
  [[nodiscard]] virtual Error name_registry_leader(Error error) const = 0;
};

}  // namespace forebay::broker
