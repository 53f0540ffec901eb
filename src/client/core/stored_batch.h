// What a broker says of a batch that it has stored.
#pragma once

#include <utility>
#include <vector>

#include "forebay/error.h"
#include "forebay/producer.h"

namespace forebay::client {

struct StoredBatch {
  // NOLINTNEXTLINE(google-explicit-constructor): mostly there are no dead letters
  StoredBatch(Ack of_first, std::vector<RecordFault> dead_letters = {})
      : first(std::move(of_first)), quarantined(std::move(dead_letters)) {}
  Ack first;                             // of its first record
  std::vector<RecordFault> quarantined;  // those of its records that are dead letters
};

}  // namespace forebay::client
