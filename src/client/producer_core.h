// The working part of Producer: the SendQueue under a mutex, and the hands that do what it says: encode,
// send, deliver, ring. Thread rules: any thread may call the public methods; the streams' thread and the
// alarm's call the private ones. One mutex; answers, encoding and writes happen outside of it.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "client/alarm_thread.h"
#include "client/connection.h"
#include "client/core/send_queue.h"
#include "client/produce_stream.h"
#include "forebay/producer.h"

namespace forebay {

namespace client {
// Of a named producer: it has its identity before it is made.
struct NamedSession {
  ProducerIdentity identity;
  std::string name;
  std::string source;  // as it is sent, see encode_source()
};
}  // namespace client

// The thing behind Producer; the streams share it, so that a last callback finds it alive.
class Producer::Core final : public std::enable_shared_from_this<Core> {
 public:
  Core(const ClientOptions& client, const ProducerOptions& options,
       std::optional<client::NamedSession> named = {});
  ~Core();

  // `partition` < 0: as the key says. Errors: the record was refused and `answer` is untouched.
  [[nodiscard]] Result<void> submit(std::string_view topic, std::int32_t partition,
                                    const model::NewRecord& record, client::Answer& answer,
                                    std::optional<SourcePlace> position = {});
  [[nodiscard]] Result<void> flush(std::chrono::milliseconds timeout);
  [[nodiscard]] Result<void> close(std::chrono::milliseconds timeout);
  [[nodiscard]] Stats stats() const;
  [[nodiscard]] const ProducerOptions& options() const { return options_; }

 private:
  using Lock = std::unique_lock<std::mutex>;
  using TimePoint = client::TimePoint;
  // What is known of a topic's partitions, and where records without key go.
  struct Topic {
    std::int32_t partition_count = 0;  // 0: not looked up yet
    std::size_t batch_bytes_max = 0;   // what the topic takes; 0: not known
    TimePoint looked_up_at{};
    bool looking_up = false;
    bool refresh_wanted = false;
    std::int32_t keyless_partition = 0;
    std::uint64_t keyless_batch = 0;  // the batch that the last record without key went into; 0: it is closed
    std::vector<client::SendQueue::Lane*> lanes;
  };
  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const { return std::hash<std::string_view>{}(name); }
  };

  using NodeId = client::Nodes::Id;
  // Listens to the stream of one node.
  class Link;
  struct Open {
    std::shared_ptr<client::ProduceStream> stream;  // none: it has ended
    std::shared_ptr<grpc::Channel> channel;         // of the last stream; let go by close()
  };

  void on_ack(std::uint64_t correlation, const client::StoredBatch& stored, std::string_view leader);
  void on_refusal(std::uint64_t correlation, const Error& error);
  void on_write_done(NodeId node);
  void on_closed(NodeId node, const Error& error, bool connected);
  void on_destroyed();
  void on_alarm();
  void begin_session();

  [[nodiscard]] Result<Topic*> topic_of(std::string_view name, std::int32_t partition, Lock& lock,
                                        TimePoint now, TimePoint deadline);
  [[nodiscard]] Result<void> look_up(std::string_view name, Lock& lock, TimePoint deadline);
  struct TopicFacts {
    std::int32_t partition_count = 0;
    std::size_t batch_bytes_max = 0;
  };
  [[nodiscard]] Result<TopicFacts> ask_about(const std::string& name, std::chrono::milliseconds timeout);
  void learn(Topic& topic, const TopicFacts& facts);
  void refresh_topics(Lock& lock);
  [[nodiscard]] std::int32_t choose_partition(const std::string_view name, Topic& topic,
                                              const model::NewRecord& record);
  [[nodiscard]] client::SendQueue::Lane& lane_of(std::string_view name, Topic& topic, std::int32_t partition);
  [[nodiscard]] Result<void> wait_for_room(std::size_t bytes, Lock& lock, TimePoint deadline);
  // Does what is to be done. The lock is let go meanwhile.
  void pump(Lock& lock);
  void perform(client::SendQueue::Work work, Lock& lock);
  void deliver_finished(Lock& lock);
  void deliver(client::SendQueue::Finished& finished);
  void arm_alarm();

  const ClientOptions client_;
  const ProducerOptions options_;
  const std::optional<client::NamedSession> named_;
  client::UnaryCaller caller_;

  mutable std::mutex mutex_;
  std::condition_variable room_;       // the buffer has room, or closed
  std::condition_variable delivered_;  // something was delivered, looked up, or the stream ended
  client::SendQueue queue_;
  std::unordered_map<std::string, Topic, NameHash, std::equal_to<>> topics_;
  std::map<NodeId, Open> open_;
  std::size_t streams_ = 0;  // that are not destroyed
  std::size_t waiting_for_room_ = 0;
  std::size_t performing_ = 0;  // works and deliveries that are being done outside of the mutex
  bool closed_ = false;
  bool close_done_ = false;
  std::optional<TimePoint> armed_;
  const std::unique_ptr<client::CompletionThread> stream_thread_;
  const std::unique_ptr<client::AlarmThread> session_thread_;  // asks for an identity; null: not idempotent
  client::AlarmThread alarm_;  // last: it calls on_alarm() until it is stopped
};

}  // namespace forebay
