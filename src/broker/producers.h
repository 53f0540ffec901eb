// Requests about sessions and names of producers. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/ids.h"

namespace forebay::broker {

struct InitProducerRequest {
  std::string name;       // empty: a session of its own
  std::string client_id;  // for the log
};
// A pair that nobody else ever has.
struct ProducerSession {
  model::ProducerId id;
  model::ProducerEpoch epoch{0};
  // The id that the name had until its epochs were used up: see cluster::kFenceEpoch.
  std::optional<model::ProducerId> previous_id = {};
  friend bool operator==(const ProducerSession&, const ProducerSession&) = default;
};

struct ListProducersRequest {
  std::string after;  // names behind this one
  std::uint32_t count_max = 10'000;
};
struct ProducerName {
  std::string name;
  ProducerSession last;
};
struct ProducerPage {
  std::vector<ProducerName> producers;  // in the order of the names
  bool more = false;                    // there are names behind the last one
};

struct DeleteProducerNameRequest {
  std::string name;
  bool validate_only = false;
};

}  // namespace forebay::broker
