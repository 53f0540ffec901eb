// What the clients of a torture run do.
#pragma once

#include <vector>

#include "torture/load/load_client.h"
#include "torture/load/run_length.h"

namespace forebay::torture {

// Sends batches of values that nobody else sends, acks: all, one try each: it knows no producer ids, and it
// is the one that sees when partitions are served again, whatever the SDK's own timeouts are.
class ProducingClient final : public LoadClient {
 public:
  struct Pace {
    Milliseconds pause;
    std::uint32_t records_max;  // of a batch
    std::size_t value_bytes;
  };
  ProducingClient(LoadWorld& world, std::uint32_t number, ClientPlace place, Pace pace)
      : LoadClient(world, "p" + std::to_string(number), std::move(place), number),
        pace_(pace),
        next_value_(first_value_of(number)) {}

 private:
  void begin() override;
  Milliseconds pause() override { return pace_.pause; }

  const Pace pace_;
  std::uint64_t next_value_;
  std::string values_;  // of the call, as its lines say them
  std::unique_ptr<grpc::ClientContext> context_;
  v1::ProduceRequest request_;
  v1::ProduceAck ack_;
};

// Reads on from where it is, for ever.
class PollingClient final : public LoadClient {
 public:
  PollingClient(LoadWorld& world, std::uint32_t number, ClientPlace place)
      : LoadClient(world, "c" + std::to_string(number), std::move(place), number), session_(number) {}

 private:
  void begin() override;
  void on_answer(const grpc::Status& status);
  Milliseconds pause() override { return kPause; }
  static constexpr Milliseconds kPause{30};

  const std::uint32_t session_;
  std::int64_t position_ = 0;
  std::unique_ptr<grpc::ClientContext> context_;
  v1::FetchRequest request_;
  v1::FetchResponse response_;
};

// Asks where the partition ends.
class ListingClient final : public LoadClient {
 public:
  ListingClient(LoadWorld& world, std::uint32_t number, ClientPlace place)
      : LoadClient(world, "l" + std::to_string(number), std::move(place), number) {}

 private:
  void begin() override;
  void on_answer(const grpc::Status& status);
  Milliseconds pause() override { return kPause; }
  static constexpr Milliseconds kPause{150};

  std::unique_ptr<grpc::ClientContext> context_;
  v1::ListOffsetsRequest request_;
  v1::ListOffsetsResponse response_;
};

// Reads a partition from its start to its end and writes a `final` line; tries every node until `deadline`.
[[nodiscard]] Result<void> read_all(LoadWorld& world, const ClientPlace& place,
                                    std::chrono::steady_clock::time_point deadline);

}  // namespace forebay::torture
