// A producer of the SDK that sends to all partitions, idempotent: no record of it may be there twice, and
// each partition has them in the order of sending. Thread rules: start() and the agenda's thread.
#pragma once

#include <chrono>
#include <memory>
#include <random>
#include <string>

#include "forebay/producer.h"
#include "torture/load/ack_lines.h"
#include "torture/load/load_client.h"

namespace forebay::torture {

class SessionProducer {
 public:
  struct Work {
    std::string topic;
    std::uint32_t partitions = 1;
    Milliseconds pause;
    std::uint32_t records_max;  // of one burst, to one partition
    std::size_t value_bytes;
    // Of a record. Short: the SDK gives records up while nodes are away, and raises its epoch.
    Milliseconds delivery_timeout;
  };
  // Errors: those of Producer::create().
  [[nodiscard]] static Result<std::unique_ptr<SessionProducer>> create(LoadWorld& world, std::uint32_t number,
                                                                       Work work);
  void start(Milliseconds delay);
  // Everything is answered when it returns.
  [[nodiscard]] Result<void> close();

 private:
  SessionProducer(LoadWorld& world, std::uint32_t number, Work work);
  void send_burst();

  LoadWorld& world_;
  const std::uint32_t number_;
  const Work work_;
  std::mt19937_64 random_;
  AckLines lines_;
  std::vector<std::uint64_t> next_values_;  // by partition
  std::unique_ptr<Producer> producer_;      // after what it calls
};

}  // namespace forebay::torture
