#include "torture/load/group_member.h"

#include <atomic>
#include <random>
#include <thread>

#include "forebay/group_consumer.h"
#include "torture/load/group_watch.h"
#include "torture/load/run_length.h"
#include "torture/record_value.h"

namespace forebay::torture {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kPollWait{200};
constexpr milliseconds kAfterError{50};
constexpr milliseconds kCommitInterval{300};
constexpr milliseconds kCommitTimeout{1'000};
// One of so many polls takes so long; of one of so many of those the commit is waited for.
constexpr milliseconds kSlowWork{40};
constexpr unsigned kSlowOneOf = 16;
constexpr unsigned kCommitOneOf = 3;

bool ends_membership(ErrorCode code) {
  return code == ErrorCode::kMemberFenced || code == ErrorCode::kStartRuleConflict ||
         code == ErrorCode::kInvalidArgument || code == ErrorCode::kCancelled ||
         code == ErrorCode::kUnsupported;
}

class Member {
 public:
  Member(const GroupMemberOptions& options, HistoryWriter& history, const sigset_t& signals)
      : options_(options),
        history_(history),
        signals_(signals),
        random_(std::hash<std::string>{}(options.run + options.name)) {}

  Result<void> run() {
    history_.line(options_.name + " ok member - - group=" + options_.group);
    FOREBAY_TRY(consumer_,
                GroupConsumer::create(ClientOptions{.servers = options_.servers}, consumer_options()));
    while (!stopped()) {
      const auto batches = consumer_->poll_batches(kPollWait);
      look_at_membership();
      if (!batches) {
        history_.line(options_.name +
                      " info trouble - - error=" + std::string(error_code_name(batches.error().code)) +
                      " what=" + one_word(batches.error().context));
        if (ends_membership(batches.error().code)) return batches.error();
        std::this_thread::sleep_for(kAfterError);
        continue;
      }
      if (batches->empty()) continue;
      const bool is_slow = random_() % kSlowOneOf == 0;
      for (const ConsumedBatch& batch : *batches) process(batch, is_slow && &batch == &batches->back());
    }
    const auto closed = consumer_->close();
    history_.line(options_.name +
                  (closed ? " ok left - -"
                          : " fail left - - error=" + std::string(error_code_name(closed.error().code))));
    return {};
  }

 private:
  [[nodiscard]] bool stopped() const {
    const timespec none{};
    return sigtimedwait(&signals_, nullptr, &none) > 0;
  }

  static std::string one_word(std::string text) {
    for (char& c : text) c = c == ' ' || c == '\n' ? '_' : c;
    return text;
  }

  [[nodiscard]] std::string head(const char* type, const char* op, const TopicPartition& partition) const {
    return options_.name + ' ' + type + ' ' + op + ' ' + partition.topic + ' ' +
           std::to_string(partition.partition);
  }
  void tell(const char* op, const std::vector<TopicPartition>& partitions, const std::string& rest = "") {
    for (const TopicPartition& partition : partitions) history_.line(head("ok", op, partition) + rest);
  }

  GroupOptions consumer_options() {
    GroupOptions options;
    options.group = options_.group;
    if (options_.by_pattern) {
      options.pattern = options_.topic.substr(0, options_.topic.size() - 1) + "[a-z]";
    } else {
      options.topics = {options_.topic};
    }
    options.instance_id = options_.instance_id;
    options.assignor = options_.assignor;
    options.session_timeout = options_.session_timeout;
    options.revoke_timeout = options_.session_timeout * 2;
    options.commit_interval = kCommitInterval;
    options.hooks.on_assigned = [this](const auto& partitions) { tell("assigned", partitions); };
    options.hooks.on_revoked = [this](const auto& partitions, auto) { tell("revoked", partitions); };
    options.hooks.on_lost = [this](const auto& partitions, const Error& why) {
      ++losses_;
      tell("lost", partitions, " error=" + std::string(error_code_name(why.code)));
    };
    return options;
  }

  void look_at_membership() {
    const GroupStatus status = consumer_->status();
    if (status.joined && (!joined_ || status.member_epoch != epoch_)) {
      epoch_ = status.member_epoch;
      history_.line(options_.name + " ok joined - - epoch=" + std::to_string(epoch_));
    } else if (!status.joined && joined_) {
      history_.line(options_.name + " info away - - error=" +
                    (status.trouble ? std::string(error_code_name(status.trouble->code)) : "none"));
    }
    joined_ = status.joined;
  }

  // `at_leisure`: others wait for it.
  void process(const ConsumedBatch& batch, bool at_leisure) {
    const TopicPartition partition{batch.topic(), batch.partition()};
    if (!consumer_->owns(partition)) return;  // somebody else gets it
    RunLength text;
    RecordView record;
    auto cursor = batch.records();
    while (cursor.next(record)) {
      const ParsedValue parsed =
          parse_record_value({.run = options_.run,
                              .topic = partition.topic,
                              .partition = static_cast<std::uint32_t>(partition.partition)},
                             record.value.value_or(""));
      text.add(record.offset, parsed.value, parsed.sound);
    }
    history_.line(head("ok", "processed", partition) + " records=" + text.take());
    if (at_leisure) std::this_thread::sleep_for(kSlowWork);
    const unsigned losses = losses_;
    const auto marked = consumer_->mark_done_through(partition, batch.end_offset() - 1);
    if (marked && at_leisure && random_() % kCommitOneOf == 0) commit(partition, batch.end_offset(), losses);
  }

  // What commit_now() has confirmed is committed for good.
  void commit(const TopicPartition& partition, std::int64_t offset, unsigned losses) {
    const auto asked = steady_now_ns();
    const auto committed = consumer_->commit_now(kCommitTimeout);
    // A partition that went meanwhile was not committed, and that is no error of the others.
    if (!committed || losses != losses_ || !consumer_->owns(partition)) return;
    history_.line(committed_line(options_.name, options_.group, partition, asked, offset));
  }

  const GroupMemberOptions& options_;
  HistoryWriter& history_;
  const sigset_t& signals_;
  std::mt19937_64 random_;
  std::atomic<unsigned> losses_ = 0;
  bool joined_ = false;
  std::uint32_t epoch_ = 0;
  std::unique_ptr<GroupConsumer> consumer_;  // after what its hooks use
};

}  // namespace

Result<void> run_group_member(const GroupMemberOptions& options, HistoryWriter& history,
                              const sigset_t& signals) {
  return Member(options, history, signals).run();
}

}  // namespace forebay::torture
