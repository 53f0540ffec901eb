// A broker in the test's own process: real gRPC on a port that the system chose, logs in memory, and hooks by
// which a test makes it late, wrong or dead. It keeps the contract of proto/forebay/v1: order per stream and
// partition, the fence of retry_round, the sequences of idempotent producers, contiguous offsets.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "forebay/types.h"
#include "forebay/v1/log.pb.h"
#include "model/compression.h"

namespace grpc {
class Service;
}

namespace forebay::client {

class FakeBroker {
 public:
  struct Verdict {
    enum class Kind : std::uint8_t {
      kAppend,      // append and acknowledge
      kRefuse,      // answer `error`
      kHold,        // append, and acknowledge when release() is called
      kDrop,        // end the stream; nothing is appended
      kAppendDrop,  // append and end the stream without an answer
    };
    Kind kind = Kind::kAppend;
    v1::ErrorDetail error;
    std::string leader;  // what the acknowledgement says
  };

  // `services`: what else it serves; they outlive it.
  explicit FakeBroker(std::vector<grpc::Service*> services = {});
  ~FakeBroker();
  FakeBroker(const FakeBroker&) = delete;
  FakeBroker& operator=(const FakeBroker&) = delete;

  [[nodiscard]] std::string address() const;
  // Cuts every connection and closes the port; start() opens the same port again. The logs stay.
  void stop();
  void start();

  void add_topic(const std::string& name, std::int32_t partitions);
  // What ListOffsets says from now on of every topic; 0, as at first: nothing, as an older broker.
  void say_batch_bytes_max(std::uint32_t bytes);
  void append(const std::string& topic, std::int32_t partition, const std::vector<Record>& records,
              model::Codec codec = model::Codec::kNone);
  // A batch as it is, for bad ones; it takes `records` offsets.
  void append_raw(const std::string& topic, std::int32_t partition, std::string batch, std::int64_t records);
  // The next session of this named producer has another id.
  void use_up_epochs(const std::string& name);
  void trim(const std::string& topic, std::int32_t partition, std::int64_t log_start);
  // Holds from now on what the other one holds, the sequences of producers with it, as a replica of it would.
  void replicate(const FakeBroker& other);
  // Acknowledges what is held, and holds nothing any more.
  void release();

  // Every record in the log, in order.
  [[nodiscard]] std::vector<Record> log(const std::string& topic, std::int32_t partition) const;
  [[nodiscard]] std::vector<v1::ProduceRequest> requests() const;  // without the batches
  [[nodiscard]] std::vector<v1::SubscribeRequest> subscriptions() const;
  // Waits, up to a generous time, until the condition holds; it is looked at after each event of the broker.
  [[nodiscard]] bool wait_until(const std::function<bool()>& condition) const;

  // Hooks; set them before traffic. Called on the broker's threads, one at a time, `number` counts from 0.
  std::function<Verdict(const v1::ProduceRequest& request, std::size_t number)> on_produce;
  // An error ends the subscription at once.
  std::function<std::optional<v1::ErrorDetail>(const v1::SubscribeRequest& request, std::size_t number)>
      on_subscribe;
  // May change the response; false: the stream is broken instead of sending it.
  std::function<bool(v1::FetchResponse& response, std::size_t number)> on_response;
  // An error of ListOffsets for this partition; absent: it answers by its log.
  std::function<std::optional<v1::ErrorDetail>(std::int32_t partition)> on_list_offsets;
  // An error answers InitProducer; absent: an id that nobody has had, or the name's with its next epoch.
  std::function<std::optional<v1::ErrorDetail>(const v1::InitProducerRequest& request, std::size_t number)>
      on_init_producer;
  // An error of FenceProducer for this partition; absent: it is fenced.
  std::function<std::optional<v1::ErrorDetail>(std::int32_t partition, std::size_t number)> on_fence;
  // An error answers CreateTopic; absent: it is done. DescribeTopic and ListOffsets answer by the logs.
  std::function<std::optional<v1::ErrorDetail>()> on_create;

 private:
  class State;
  class LogService;
  class AdminService;
  struct Server;
  const std::vector<grpc::Service*> services_;
  std::shared_ptr<State> state_;
  std::unique_ptr<Server> server_;
  int port_ = 0;
};

[[nodiscard]] v1::ErrorDetail detail(v1::ErrorReason reason, const std::string& message,
                                     std::uint32_t retry_delay_ms = 0);

}  // namespace forebay::client
