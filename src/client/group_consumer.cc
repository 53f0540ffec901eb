#include "forebay/group_consumer.h"

#include <algorithm>
#include <utility>

#include "client/core/options_check.h"
#include "client/group_consumer_core.h"

namespace forebay {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kGroupNameBytesMax = 249;
constexpr milliseconds kSessionMin{1'000};
constexpr milliseconds kSessionMax{30 * 60'000};
constexpr milliseconds kRevokeMax{60 * 60'000};
constexpr milliseconds kCommitIntervalMin{10};
constexpr milliseconds kCommitIntervalMax{60 * 60'000};

Error bad_option(std::string what) {
  return Error{ErrorCode::kInvalidArgument, "group consumer option " + std::move(what)};
}

bool is_group_name(const std::string& name) {
  return !name.empty() && name.size() <= kGroupNameBytesMax &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                  c == '_' || c == '-';
         });
}

Result<void> check(const GroupOptions& options) {
  if (!is_group_name(options.group)) return bad_option("group must be 1 to 249 of a-z A-Z 0-9 . _ -");
  if (options.topics.empty() && options.pattern.empty())
    return bad_option("topics, or pattern, must say what to read");
  if (options.session_timeout < kSessionMin || options.session_timeout > kSessionMax)
    return bad_option("session_timeout must be 1 s to 30 min");
  if (options.revoke_timeout < options.session_timeout || options.revoke_timeout > kRevokeMax)
    return bad_option("revoke_timeout must be session_timeout to 1 h");
  if (options.processing_deadline.count() < 0) return bad_option("processing_deadline must not be negative");
  if (options.commit_interval < kCommitIntervalMin || options.commit_interval > kCommitIntervalMax)
    return bad_option("commit_interval must be 10 ms to 1 h");
  if (options.close_timeout.count() < 0) return bad_option("close_timeout must not be negative");
  return {};
}

}  // namespace

std::string StartRule::to_string() const {
  switch (point) {
    case Point::kEarliest:
      return "earliest";
    case Point::kLatest:
      return "latest";
    case Point::kAtTime:
      return "@" + std::to_string(time_ms);
    case Point::kFail:
      return "fail";
  }
  return "earliest";
}

Result<std::unique_ptr<GroupConsumer>> GroupConsumer::create(ClientOptions client, GroupOptions options) {
  if (auto checked = check(options); !checked) return std::move(checked).error();
  auto consumer = Consumer::create(client, options.consumer);
  if (!consumer) return std::move(consumer).error();
  auto core = std::make_shared<Core>(client, std::move(options), std::move(*consumer));
  core->start();
  return std::unique_ptr<GroupConsumer>(new GroupConsumer(std::move(core)));
}

GroupConsumer::GroupConsumer(std::shared_ptr<Core> core) : core_(std::move(core)) {}
GroupConsumer::~GroupConsumer() {
  (void)core_->close();
  core_->let_go();
}

Result<std::vector<Record>> GroupConsumer::poll(milliseconds timeout) { return core_->poll(timeout); }
Result<std::vector<ConsumedBatch>> GroupConsumer::poll_batches(milliseconds timeout) {
  return core_->poll_batches(timeout);
}
Result<void> GroupConsumer::mark_done(const Record& record) {
  return core_->mark({record.topic, record.partition}, record.offset, record.offset + 1);
}
Result<void> GroupConsumer::mark_done(const TopicPartition& partition, std::int64_t offset) {
  if (offset < 0) return bad_option("offset must not be negative");
  return core_->mark(partition, offset, offset + 1);
}
Result<void> GroupConsumer::mark_done_through(const TopicPartition& partition, std::int64_t offset) {
  if (offset < 0) return bad_option("offset must not be negative");
  return core_->mark(partition, -1, offset + 1);
}
Result<void> GroupConsumer::commit_now(milliseconds timeout) { return core_->commit_now(timeout); }
std::vector<TopicPartition> GroupConsumer::assignment() const { return core_->assignment(); }
bool GroupConsumer::owns(const TopicPartition& partition) const { return core_->owns(partition); }
Result<void> GroupConsumer::seek(const TopicPartition& partition, OffsetSpec to) {
  return core_->seek(partition, to);
}
Result<std::int64_t> GroupConsumer::position(const TopicPartition& partition) const {
  return core_->position(partition);
}
Result<void> GroupConsumer::pause(const TopicPartition& partition) {
  return core_->set_paused(partition, true);
}
Result<void> GroupConsumer::resume(const TopicPartition& partition) {
  return core_->set_paused(partition, false);
}
std::vector<PartitionFailure> GroupConsumer::failures() const { return core_->failures(); }
GroupStatus GroupConsumer::status() const { return core_->status(); }
Result<void> GroupConsumer::close() { return core_->close(); }
void GroupConsumer::wake() { core_->wake(); }

}  // namespace forebay
