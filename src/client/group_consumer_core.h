// The working part of GroupConsumer: MemberSession under a mutex, and the hands that do what it says; a
// Consumer reads what the session names.
// Thread rules: the caller's thread polls, runs hooks and moves the Consumer's assignment after the
// session's; gRPC's threads and the alarm only tell the session what happened.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "client/alarm_thread.h"
#include "client/connection.h"
#include "client/core/member_session.h"
#include "client/member_stream.h"
#include "forebay/group_consumer.h"

namespace forebay {

class GroupConsumer::Core final : public client::MemberStream::Listener,
                                  public std::enable_shared_from_this<Core> {
 public:
  using Milliseconds = std::chrono::milliseconds;

  Core(const ClientOptions& client, GroupOptions options, std::unique_ptr<Consumer> consumer);
  void start();

  [[nodiscard]] Result<std::vector<Record>> poll(Milliseconds timeout);
  [[nodiscard]] Result<std::vector<ConsumedBatch>> poll_batches(Milliseconds timeout);
  // `begin` < 0: from the first record that is not done.
  [[nodiscard]] Result<void> mark(const TopicPartition& partition, std::int64_t begin, std::int64_t end);
  [[nodiscard]] Result<void> commit_now(Milliseconds timeout);
  [[nodiscard]] std::vector<TopicPartition> assignment() const;
  [[nodiscard]] bool owns(const TopicPartition& partition) const;
  [[nodiscard]] Result<void> seek(const TopicPartition& partition, OffsetSpec to);
  [[nodiscard]] Result<std::int64_t> position(const TopicPartition& partition) const;
  [[nodiscard]] Result<void> set_paused(const TopicPartition& partition, bool paused);
  // After close(). The last to hold this object may be a thread of gRPC, and the last of a channel must not.
  void let_go() { consumer_.reset(); }
  [[nodiscard]] std::vector<PartitionFailure> failures() const { return consumer_->failures(); }
  [[nodiscard]] GroupStatus status() const;
  [[nodiscard]] Result<void> close();
  void wake();

 private:
  using Lock = std::unique_lock<std::mutex>;
  using Clock = std::chrono::steady_clock;
  using Grant = client::MemberSession::Grant;

  void on_words(std::uint64_t stream, const client::CoordinatorWords& words) override;
  void on_ended(std::uint64_t stream, const std::optional<client::RpcError>& error) override;
  void on_destroyed(std::uint64_t stream) override;

  void pump(Lock& lock);
  void open(const client::MemberSession::OpenStream& action);
  void on_alarm();
  [[nodiscard]] Result<void> look_after_membership();
  void run_tidings();
  void follow_assignment();
  void begin_reading(const client::MemberSession::Reading& reading);
  template <typename Item, typename Take>
  [[nodiscard]] Result<std::vector<Item>> poll_items(Milliseconds timeout, Take take);
  [[nodiscard]] bool is_settled(const Error& error);
  [[nodiscard]] bool hand_out(const ConsumedBatch& batch);
  void hand_out(std::vector<Record>& records);
  void pass_gaps();

  const ClientOptions client_;
  const GroupOptions options_;

  // The caller's thread only.
  std::unique_ptr<Consumer> consumer_;
  struct Read {
    Grant grant = 0;
    bool from_start = false;  // there was no offset: begins wherever the log does
    bool paused = false;      // by the caller
    bool held = false;        // told to the Consumer
  };
  std::map<TopicPartition, Read> reads_;
  std::vector<Error> without_start_;  // to be told by poll()
  bool closed_ = false;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  client::MemberSession session_;
  std::map<client::Nodes::Id, std::shared_ptr<grpc::Channel>> channels_;
  std::vector<std::shared_ptr<grpc::Channel>> spent_channels_;  // for the caller's thread to let go of
  struct Open {
    std::shared_ptr<client::MemberStream> stream;  // null: it has ended
    std::shared_ptr<grpc::Channel> channel;
    client::Nodes::Id node = 0;
  };
  std::unordered_map<std::uint64_t, Open> streams_;  // that are not destroyed
  bool woken_ = false;
  bool closing_ = false;
  std::unique_ptr<client::AlarmThread> alarm_;
};

}  // namespace forebay
