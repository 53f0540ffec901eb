// The working part of Consumer: ReadAhead under a mutex, and the hands that do what it says.
// Thread rules: the caller's thread decodes and hands out; gRPC's threads only queue. What is not guarded by
// the mutex belongs to the caller's thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "client/batch_content.h"
#include "client/connection.h"
#include "client/core/read_ahead.h"
#include "client/subscribe_stream.h"
#include "forebay/consumer.h"

namespace forebay {

class Consumer::Core final : public client::SubscribeStream::Listener,
                             public std::enable_shared_from_this<Core> {
 public:
  Core(const ClientOptions& client, const ConsumerOptions& options);

  [[nodiscard]] Result<void> assign(const std::string& topic, const std::vector<std::int32_t>& partitions,
                                    OffsetSpec from);
  void unassign(const std::string& topic, const std::vector<std::int32_t>& partitions);
  [[nodiscard]] std::vector<TopicPartition> assignment() const;
  [[nodiscard]] Result<void> seek(const TopicPartition& partition, OffsetSpec to);
  [[nodiscard]] Result<void> set_paused(const TopicPartition& partition, bool paused);
  [[nodiscard]] Result<std::vector<Record>> poll(std::chrono::milliseconds timeout);
  [[nodiscard]] Result<std::vector<ConsumedBatch>> poll_batches(std::chrono::milliseconds timeout);
  [[nodiscard]] std::vector<PartitionFailure> failures() const;
  [[nodiscard]] Result<PartitionProgress> progress(const TopicPartition& partition) const;
  [[nodiscard]] Result<std::vector<std::int64_t>> end_offsets();
  void wake();
  // Ends all streams and waits for them.
  void close();

 private:
  using Lock = std::unique_lock<std::mutex>;
  using Clock = std::chrono::steady_clock;
  // A batch that poll() has handed out in part.
  struct Rest {
    ConsumedBatch batch;
    ConsumedBatch::Cursor cursor;
    std::int64_t end = 0;  // the position after it
  };
  struct Decoded {
    ConsumedBatch batch;
    std::int64_t end = 0;
  };

  void on_response(std::uint64_t stream, client::FetchedResponse response) override;
  void on_ended(std::uint64_t stream, const std::optional<client::RpcError>& error) override;
  void on_destroyed(std::uint64_t stream) override;

  // Returns: of each partition its offset, or why the broker has none: damage, which waiting does not mend.
  [[nodiscard]] Result<std::map<std::int32_t, Result<std::int64_t>>> look_up(
      const std::string& topic, const std::vector<std::int32_t>& partitions, OffsetSpec spec);
  // Waits for a delivery. Returns: false at the deadline, or when woken.
  [[nodiscard]] Result<bool> next_delivery(Clock::time_point deadline);
  [[nodiscard]] Result<bool> decode(client::ReadAhead::Delivery delivery);
  void put_rest_back();
  [[nodiscard]] bool rest_is_paused() const;
  void drop_decoded(const TopicPartition& partition);
  void pass_to(const TopicPartition& partition, std::int64_t offset);
  void move_position(const TopicPartition& partition, std::int64_t offset);
  void pump(Lock& lock);
  void subscribe(const client::ReadAhead::Subscribe& work);
  [[nodiscard]] Result<void> check_assigned(const TopicPartition& partition) const;
  // Takes the first decoded batch whose partition is not paused.
  [[nodiscard]] std::optional<Decoded> take_decoded();

  const ClientOptions client_;
  const ConsumerOptions options_;
  client::UnaryCaller caller_;

  // The caller's thread only.
  std::deque<Decoded> decoded_;
  std::optional<Rest> rest_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  client::ReadAhead ahead_;
  struct Connection {
    std::shared_ptr<grpc::Channel> channel;  // shared by all streams to the node; null: it has failed
    std::shared_ptr<grpc::Channel> keeper;   // the one used last; let go by close()
  };
  std::map<client::Nodes::Id, Connection> connections_;
  struct Open {
    std::shared_ptr<client::SubscribeStream> stream;  // null: it has ended
    std::shared_ptr<grpc::Channel> channel;
    client::Nodes::Id node = 0;
  };
  std::unordered_map<std::uint64_t, Open> streams_;  // that are not destroyed
  bool woken_ = false;
  bool closing_ = false;
};

}  // namespace forebay
