#include "schema/registries.h"

#include "cluster/core/internal_topics.h"

namespace forebay::schema {

Registries::Registries(Parts parts)
    : parts_(std::move(parts)),
      replicas_(
          *parts_.partitions, std::string(cluster::kSchemasTopicName),
          [this](partition::Partition& partition) {
            auto registry = std::make_unique<Registry>(RegistryParts{.log = &partition,
                                                                     .store = parts_.store,
                                                                     .executor = parts_.executor,
                                                                     .pool = parts_.pool,
                                                                     .schema_pool = parts_.schema_pool,
                                                                     .clock = parts_.clock,
                                                                     .peers = parts_.peers,
                                                                     .schemas = parts_.schemas},
                                                       parts_.host);
            parts_.local->set(registry->image());
            return registry;
          },
          [this](const Registry& gone) {
            // Unless one has been opened on another shard meanwhile.
            if (parts_.local->image() == gone.image()) parts_.local->set(nullptr);
          }) {}

}  // namespace forebay::schema
