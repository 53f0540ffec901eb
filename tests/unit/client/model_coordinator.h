// A coordinator of groups that answers members in their own words: the decisions are those of the broker
// (src/group/core), without a log, a network or a clock. One thread.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <variant>

#include "../group/test_coordinator.h"
#include "client/core/member_words.h"

namespace forebay::client::testing {

class ModelCoordinator {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using StreamKey = std::uint64_t;
  struct Out {
    StreamKey stream = 0;
    std::variant<CoordinatorWords, Error, std::monostate> words;  // an error, or nothing, ends the stream
  };

  std::deque<Out> out;
  group::testing::TestCoordinator core;
  std::map<TopicPartition, std::int64_t> high_watermarks;  // 1000 of those that are not here

  void add_topic(const std::string& name, std::size_t partitions) {
    (void)core.set_topic(name, partitions);
    for (const auto& group : names()) run(group, [](group::Turn& turn) { turn.follow_topics(); });
  }

  void say(StreamKey stream, const MemberWords& words, TimePoint now) {
    core.now = since_zero(now);
    if (const auto* join = std::get_if<JoinWords>(&words)) return do_join(stream, *join);
    const auto found = streams_.find(stream);
    if (found == streams_.end()) return;
    const Attached member = found->second;
    core.liveness.hear(member.group, member.number, member.ref.epoch, core.now);
    if (const auto* heartbeat = std::get_if<HeartbeatWords>(&words)) {
      out.push_back({stream, CoordinatorWords(HeartbeatAckWords{heartbeat->number})});
    } else if (const auto* commit = std::get_if<CommitWords>(&words)) {
      do_commit(stream, member, *commit);
    } else if (const auto* confirm = std::get_if<ConfirmWords>(&words)) {
      Result<void> done;
      run(member.group, [&](group::Turn& turn) {
        done = turn.confirm(member.ref, group::AssignmentNumber(confirm->assignment));
      });
      if (!done) end(stream, done.error());
    } else if (const auto* release = std::get_if<ReleaseWords>(&words)) {
      do_release(stream, member, *release);
    } else {
      run(member.group, [&](group::Turn& turn) { (void)turn.leave(member.ref); });
      streams_.erase(stream);
      out.push_back({stream, std::monostate{}});
    }
  }
  void broken(StreamKey stream, TimePoint now) {
    core.now = since_zero(now);
    const auto found = streams_.find(stream);
    if (found == streams_.end()) return;
    const Attached& member = found->second;
    core.liveness.detach(member.group, member.number, member.ref.epoch, core.now);
    streams_.erase(found);
  }
  // At least once a second.
  void tick(TimePoint now) {
    core.now = since_zero(now);
    for (const group::Expiry& expiry : core.liveness.on_time(core.now)) {
      run(expiry.group, [&](group::Turn& turn) {
        if (expiry.give_up == group::AssignmentNumber{}) {
          turn.end_session(expiry.member, expiry.epoch);
        } else {
          turn.end_revoke(expiry.member, expiry.epoch, expiry.give_up);
        }
      });
    }
  }
  [[nodiscard]] std::optional<std::int64_t> committed(const std::string& group,
                                                      const TopicPartition& partition) const {
    const group::Group* known = core.image.find(group);
    if (known == nullptr) return std::nullopt;
    const auto at = known->positions.find(core.partition(partition.topic, partition.partition));
    if (at == known->positions.end() || !at->second.committed) return std::nullopt;
    return at->second.committed->value();
  }
  [[nodiscard]] std::size_t member_count(const std::string& group) const {
    const group::Group* known = core.image.find(group);
    return known == nullptr ? 0 : known->roster.members.size();
  }

 private:
  struct Attached {
    std::string group;
    group::MemberNumber number;
    group::MemberRef ref;
  };

  static group::SteadyTime since_zero(TimePoint now) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch());
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& [name, group] : core.image.groups) all.push_back(name);
    return all;
  }
  [[nodiscard]] group::Partitions ids(const Partitions& partitions) const {
    group::Partitions found;
    for (const TopicPartition& one : partitions) found.push_back(core.partition(one.topic, one.partition));
    return found;
  }
  static std::string id_text(const model::TopicId& id) {
    return {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()};
  }
  [[nodiscard]] TopicPartition named(const std::string& group, const model::TopicPartition& partition) const {
    return {core.group(group).roster.topics.at(partition.topic).name, partition.partition.value()};
  }
  void end(StreamKey stream, const Error& why) {
    streams_.erase(stream);
    out.push_back({stream, why});
  }

  group::Decision run(const std::string& group, const std::function<void(group::Turn&)>& inputs) {
    group::Decision decision = core.turn(group, inputs);
    for (const group::Ended& ended : decision.ended) {
      for (auto at = streams_.begin(); at != streams_.end(); ++at) {
        if (at->second.group != group || at->second.ref.id != ended.id || at->second.ref.epoch != ended.epoch)
          continue;
        const StreamKey stream = at->first;
        end(stream, ended.error);
        break;
      }
    }
    if (!decision.starts_wanted.empty()) {
      std::vector<std::pair<group::WantedStart, model::Offset>> starts;
      for (const auto& wanted : decision.starts_wanted) starts.emplace_back(wanted, model::Offset(0));
      const auto more = core.turn(group, [&](group::Turn& turn) { turn.resolve_starts(starts); });
      decision.assigned.insert(decision.assigned.end(), more.assigned.begin(), more.assigned.end());
    }
    for (const group::MemberNumber number : decision.assigned) tell(group, number);
    return decision;
  }

  void tell(const std::string& group, group::MemberNumber number) {
    for (const auto& [stream, member] : streams_) {
      if (member.group != group || member.number != number) continue;
      const group::Assignment assignment = core.assignment(group, number);
      AssignmentWords words;
      words.number = assignment.number.value();
      for (const auto& one : assignment.owned) {
        words.owned.push_back({named(group, one.partition), std::nullopt, id_text(one.partition.topic)});
        if (one.next) words.owned.back().committed = one.next->value();
      }
      for (const auto& one : assignment.give_up) words.give_up.push_back(named(group, one));
      words.confirm_within =
          core.liveness.revoke_left(group, number, core.now).value_or(std::chrono::milliseconds(0));
      out.push_back({stream, CoordinatorWords(words)});
    }
  }

  void do_join(StreamKey stream, const JoinWords& words) {
    group::JoinInput input;
    input.member_id = words.member_id;
    input.epoch = group::MemberEpoch(words.member_epoch);
    input.new_id = words.new_member_id;
    input.instance = words.instance_id;
    input.client_id = words.client_id;
    input.subscription = {words.topics, words.pattern};
    if (words.start)
      input.start = group::StartRule{static_cast<group::StartPoint>(words.start->point),
                                     model::Timestamp(words.start->time_ms)};
    input.session = words.session_timeout;
    input.revoke = words.revoke_timeout;
    input.owned = ids(words.owned);
    // Told after the answer, as the broker does it.
    Result<group::Joined> joined;
    std::deque<Out> before = std::exchange(out, {});
    const group::Decision decision =
        core.turn(words.group, [&](group::Turn& turn) { joined = turn.join(input); });
    if (!joined) {
      out = std::move(before);
      out.push_back({stream, joined.error()});
      return;
    }
    before.push_back(
        {stream,
         CoordinatorWords(JoinedWords{
             joined->id, joined->epoch.value(), joined->session, joined->heartbeat_interval,
             StartRule{static_cast<StartRule::Point>(joined->start.point), joined->start.time.value()}})});
    for (auto at = streams_.begin(); at != streams_.end(); ++at) {
      if (at->second.group != words.group || at->second.number != joined->number) continue;
      const StreamKey older = at->first;
      end(older, Error{ErrorCode::kMemberFenced, "attached again"});
      break;
    }
    streams_[stream] = {words.group, joined->number, {joined->id, joined->epoch}};
    core.liveness.attach(words.group, joined->number, joined->epoch, core.now);
    auto assigned = decision.assigned;
    if (!decision.starts_wanted.empty()) {
      std::vector<std::pair<group::WantedStart, model::Offset>> starts;
      for (const auto& wanted : decision.starts_wanted) starts.emplace_back(wanted, model::Offset(0));
      const auto more = core.turn(words.group, [&](group::Turn& turn) { turn.resolve_starts(starts); });
      assigned.insert(assigned.end(), more.assigned.begin(), more.assigned.end());
    }
    for (const group::MemberNumber number : assigned) tell(words.group, number);
    before.insert(before.end(), out.begin(), out.end());
    out = std::move(before);
  }

  void do_release(StreamKey stream, const Attached& member, const ReleaseWords& release) {
    Result<group::ReleaseOutcome> outcome;
    const group::Decision decision = core.turn(member.group, [&](group::Turn& turn) {
      outcome = turn.release(member.ref, ids(release.partitions));
    });
    ReleasedWords words;
    if (outcome) {
      for (const auto& one : outcome->stay) words.staying.push_back(named(member.group, one));
    }
    out.push_back({stream, CoordinatorWords(words)});
    for (const group::MemberNumber number : decision.assigned) tell(member.group, number);
  }

  void do_commit(StreamKey stream, const Attached& member, const CommitWords& commit) {
    std::vector<group::CommitEntry> entries;
    for (const OffsetWords& one : commit.offsets) {
      const auto limit = high_watermarks.find(one.partition);
      entries.push_back({one.partition.topic, core.partition(one.partition.topic, one.partition.partition),
                         model::Offset(one.offset), "",
                         model::Offset(limit == high_watermarks.end() ? 1'000 : limit->second)});
    }
    Result<group::EntryResults> results;
    run(member.group,
        [&](group::Turn& turn) { results = turn.commit(member.ref, model::Timestamp(0), entries); });
    if (!results) return end(stream, results.error());
    CommitAckWords ack;
    ack.correlation = commit.correlation;
    for (std::size_t i = 0; i < results->size(); ++i) {
      ack.partitions.push_back({commit.offsets[i].partition, std::nullopt});
      if (!(*results)[i]) ack.partitions.back().error = (*results)[i].error();
    }
    out.push_back({stream, CoordinatorWords(ack)});
  }

  std::map<StreamKey, Attached> streams_;
};

}  // namespace forebay::client::testing
