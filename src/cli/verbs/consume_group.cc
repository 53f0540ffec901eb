// consume --group: a member of a consumer group that prints what it gets.
#include <algorithm>
#include <cstring>
#include <map>
#include <thread>

#include "cli/interrupt.h"
#include "cli/verbs/consume.h"
#include "cli/verbs/group_start.h"
#include "cli/verbs/record_schemas.h"
#include "cli/wall_clock.h"
#include "forebay/group_consumer.h"

namespace forebay::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPollWait{200};
constexpr std::chrono::milliseconds kLookAgain{100};
// A change of the coordinator is over by then.
constexpr std::chrono::seconds kSilence{3};

class Member {
 public:
  Member(Session& session, const ConsumeOptions& options, const RecordPrinter& printer)
      : session_(session), options_(options), printer_(printer), decoder_(session, options.raw) {}

  ExitCode run() {
    GroupOptions group;
    group.group = *options_.group;
    group.topics = {options_.topic};
    group.client_id = "forebay consume";
    group.close_timeout = std::min(group.close_timeout, session_.timeout());
    if (options_.offsets) {
      const auto rule = parse_start_rule(*options_.offsets, now_ms());
      if (!rule) return session_.fail(ExitCode::kUsage, "--offsets: with --group, " + rule.error().context);
      group.start = *rule;
    }
    if (const auto looked = look_at_topic(); !looked) return session_.fail(looked.error());
    if (options_.offsets && is_counted_from_now(*options_.offsets)) {
      const auto made = make_group(session_, group.group, *options_.offsets, *group.start);
      if (!made) return session_.fail(made.error());
      group.start = made->start;
    }
    group.hooks.on_lost = [this](const std::vector<TopicPartition>& lost, const Error& why) {
      tell_loss(lost, why);
    };
    auto consumer = GroupConsumer::create(session_.client_options(), std::move(group));
    if (!consumer) return session_.fail(consumer.error());
    const GracefulInterrupt graceful;
    ExitCode code = read(**consumer);
    session_.out().flush();
    if (session_.out().failed()) {
      code = session_.fail(ExitCode::kFailure, std::string("cannot write the output: ") +
                                                   std::strerror(session_.out().error_number()));
    }
    // What was written out is committed, or the reader of the output gets it again.
    if (const auto closed = (*consumer)->close(); !closed && code != ExitCode::kFailure)
      return session_.fail(closed.error());
    return code;
  }

 private:
  // A group may wait for a topic that is not there yet; whoever mistypes a name should not. Where it ends is
  // asked until every partition has said it: what is not known would count as read.
  Result<void> look_at_topic() {
    FOREBAY_TRY(Admin * admin, session_.admin());
    const auto deadline = Clock::now() + session_.timeout();
    while (true) {
      FOREBAY_TRY(const auto found, admin->list_offsets(options_.topic, {}, OffsetSpec::end()));
      if (!options_.until_end) return {};
      std::optional<Error> unknown;
      for (const PartitionOffset& one : found) unknown = take_end(one) ? unknown : one.error;
      if (!unknown) return {};
      if (!is_retryable(unknown->code) || Clock::now() + kLookAgain >= deadline || interrupted())
        return *unknown;
      std::this_thread::sleep_for(kLookAgain);
    }
  }

  // False: where it ends is not known.
  bool take_end(const PartitionOffset& one) {
    if (one.error && !is_damage(one.error->code)) return false;
    if (one.error) {
      set_aside_[one.partition] = *one.error;
      return true;
    }
    ends_[one.partition] = one.log_end;
    if (one.end_lost) lost_ends_[one.partition] = one.log_end;
    return true;
  }

  ExitCode read(GroupConsumer& consumer) {
    last_whole_ = Clock::now();
    while (!interrupted()) {
      const auto batches = consumer.poll_batches(kPollWait);
      if (!batches) {
        if (!set_aside(consumer, batches.error())) return session_.fail(batches.error());
        continue;
      }
      for (const ConsumedBatch& batch : *batches) {
        if (const auto written = write_out(consumer, batch); !written) return session_.fail(written.error());
        if (session_.out().closed() || session_.out().failed() || counted()) return ExitCode::kOk;
      }
      if (!batches->empty()) last_whole_ = Clock::now();
      tell_silence(consumer.status());
      if (const auto trouble = trouble_for_too_long(consumer)) return session_.fail(*trouble);
      if (!options_.until_end || !batches->empty() || !consumer.status().joined) continue;
      const auto at_end = has_reached_ends(consumer);
      if (!at_end) return session_.fail(at_end.error());
      if (*at_end) return conclude(consumer);
    }
    return ExitCode::kInterrupted;
  }

  // Else records that are printed a second time would come out of the blue.
  void tell_loss(const std::vector<TopicPartition>& lost, const Error& why) {
    session_.warn(
        "lost " + std::to_string(lost.size()) + (lost.size() == 1 ? " partition" : " partitions") +
        " of group '" + *options_.group + "': " + why.to_string() +
        "; whoever has them next, perhaps this member, begins at what is committed, and prints again "
        "what came after it");
  }

  // Once for each time that nobody answers for a while.
  void tell_silence(const GroupStatus& status) {
    if (status.joined || !status.trouble) told_silence_ = false;
    if (told_silence_ || status.joined || !status.trouble || Clock::now() - last_whole_ < kSilence) return;
    told_silence_ = true;
    session_.warn("waiting for the coordinator of group '" + *options_.group +
                  "': " + status.trouble->to_string());
  }

  // What has kept it, or a partition, from going on for --timeout.
  std::optional<Error> trouble_for_too_long(const GroupConsumer& consumer) {
    const GroupStatus status = consumer.status();
    std::optional<Error> trouble = status.joined ? unsettled_ : status.trouble;
    for (const PartitionFailure& one : consumer.failures()) {
      if (!set_aside_.contains(one.partition.partition)) trouble = one.error;
    }
    if (status.joined && !trouble) last_whole_ = Clock::now();
    return Clock::now() - last_whole_ > session_.timeout() ? trouble : std::nullopt;
  }

  // As without a group: one that ends by itself reads the other partitions, and tells of this one at its end.
  bool set_aside(const GroupConsumer& consumer, const Error& error) {
    if (!options_.until_end || !is_damage(error.code)) return false;
    for (const PartitionFailure& one : consumer.failures()) {
      if (one.error != error) continue;
      set_aside_[one.partition.partition] = error;
      return true;
    }
    return false;
  }

  // All that this member has was printed, and it may not be all there was.
  ExitCode conclude(const GroupConsumer& consumer) {
    std::vector<Error> damage;
    for (const TopicPartition& one : consumer.assignment()) {
      if (const auto aside = set_aside_.find(one.partition); aside != set_aside_.end()) {
        damage.push_back(aside->second);
      } else if (const auto lost = lost_ends_.find(one.partition); lost != lost_ends_.end()) {
        damage.push_back(lost_end(options_.topic, lost->first, lost->second));
      }
    }
    return tell_damage(session_, damage, ExitCode::kOk);
  }

  [[nodiscard]] bool counted() const { return options_.count && printed_ >= *options_.count; }

  // Marks nothing that has not left this process.
  Result<void> write_out(GroupConsumer& consumer, const ConsumedBatch& batch) {
    ShownRecord shown{options_.topic, batch.partition(), batch.append_time_ms(), nullptr};
    RecordView record;
    auto cursor = batch.records();
    std::optional<std::int64_t> last;
    while (!counted() && cursor.next(record)) {
      const RecordView decoded = decoder_.decode(record);
      shown.record = &decoded;
      printer_.append(session_.out().buffer(), shown);
      session_.out().written();
      last = record.offset;
      ++printed_;
    }
    session_.out().flush();
    if (!last || session_.out().closed() || session_.out().failed()) return {};
    const auto marked = consumer.mark_done_through({batch.topic(), batch.partition()}, *last);
    // It has gone meanwhile: whoever has it now prints these again.
    if (!marked && marked.error().code != ErrorCode::kNotOwner) return marked.error();
    return {};
  }

  // Of all that it is to have: partitions come to it one by one, when their starts are known or others have
  // given them up.
  Result<bool> has_reached_ends(const GroupConsumer& consumer) {
    unsettled_.reset();
    const auto assignment = consumer.assignment();
    for (const TopicPartition& one : assignment) {
      if (set_aside_.contains(one.partition)) continue;
      const auto position = consumer.position(one);
      if (!position || *position < ends_[one.partition]) return false;
    }
    FOREBAY_TRY(Admin * admin, session_.admin());
    FOREBAY_TRY(GroupDescription group, admin->describe_group(*options_.group));
    std::vector<TopicPartition> owned;
    for (GroupMember& member : group.members) {
      if (member.id == consumer.status().member_id) owned = std::move(member.owned);
    }
    std::sort(owned.begin(), owned.end());
    if (group.summary.state == "stable" && owned == assignment) return true;
    unsettled_ = Error{ErrorCode::kTimedOut, "group '" + *options_.group + "' is " + group.summary.state +
                                                 ": this member has " + std::to_string(assignment.size()) +
                                                 " partitions, and not yet all that it is to have; see: "
                                                 "forebay group describe " +
                                                 *options_.group};
    return false;
  }

  Session& session_;
  const ConsumeOptions& options_;
  const RecordPrinter& printer_;
  RecordDecoder decoder_;
  std::map<std::int32_t, std::int64_t> ends_;
  std::map<std::int32_t, std::int64_t> lost_ends_;  // partitions that end there, but had ended later
  std::map<std::int32_t, Error> set_aside_;         // partitions that cannot be read further
  Clock::time_point last_whole_;                    // nothing was wrong, or something came
  bool told_silence_ = false;
  std::optional<Error> unsettled_;  // why it does not end although all is read
  std::uint64_t printed_ = 0;
};

}  // namespace

ExitCode consume_as_group(Session& session, const ConsumeOptions& options, const RecordPrinter& printer) {
  if (!options.partitions.empty())
    return session.fail(ExitCode::kUsage, "--partition and --group contradict each other: the group decides");
  if (options.by != "event")
    return session.fail(ExitCode::kUsage,
                        "--group begins by event time only; --by append does not go with it");
  return Member(session, options, printer).run();
}

}  // namespace forebay::cli
