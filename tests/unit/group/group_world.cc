#include "group_world.h"

#include <algorithm>
#include <utility>

namespace forebay::group::testing {
namespace {

const std::string kGroup = "g";
constexpr Milliseconds kSession{10'000};

}  // namespace

GroupWorld::GroupWorld(std::uint64_t seed) : random_(seed) {
  for (int i = 0; i < 3; ++i) coordinator_.set_topic("t" + std::to_string(i), 1 + draw(6));
  newest_ = coordinator_.topics;
  match_patterns();
  coordinator_.topics = older_ = newest_;
  const Assignor assignor = draw(4) == 0 ? Assignor::kRange : Assignor::kUniformSticky;
  turn([&](Turn& turn) { ASSERT_TRUE(turn.create({}, assignor)); });
}

// --- the coordinator
void GroupWorld::turn(const std::function<void(Turn&)>& inputs) {
  const Group* there = coordinator_.image.find(kGroup);
  const std::optional<Group> before = there != nullptr ? std::optional(*there) : std::nullopt;
  const Decision decision = coordinator_.turn(kGroup, inputs);
  check_decision(before ? &*before : nullptr, decision);
  deliver(decision);
}

void GroupWorld::check_decision(const Group* before, const Decision& decision) {
  for (const GroupRecord& record : decision.records) fold(record);
  std::map<model::TopicPartition, MemberNumber> owners;
  for (const auto& [id, topic] : coordinator_.group(kGroup).roster.topics) {
    for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
      if (topic.partitions[i].owner != kNobody)
        owners[{id, model::PartitionIndex(static_cast<std::int32_t>(i))}] = topic.partitions[i].owner;
    }
  }
  EXPECT_EQ(owners, owners_);
  std::map<model::TopicPartition, std::int64_t> committed;
  for (const auto& [partition, position] : coordinator_.group(kGroup).positions) {
    if (position.committed) committed[partition] = position.committed->value();
  }
  EXPECT_EQ(committed, committed_);
  if (before != nullptr) check_nobody_pauses_in_vain(*before);
}

// I17, I18: by the records alone.
void GroupWorld::fold(const GroupRecord& record) {
  if (const auto* changed = std::get_if<OwnershipChanged>(&record)) {
    for (const auto& one : changed->granted) {
      EXPECT_FALSE(owners_.contains(one)) << one.to_string() << " is granted and has an owner";
      owners_[one] = changed->member;
    }
  } else if (const auto* released = std::get_if<PartitionsReleased>(&record)) {
    for (const auto& one : released->partitions) EXPECT_EQ(owners_.erase(one), 1U);
  } else if (const auto* removed = std::get_if<MemberRemoved>(&record)) {
    std::erase_if(owners_, [&](const auto& one) { return one.second == removed->number; });
  } else if (const auto* forgotten = std::get_if<TopicForgotten>(&record)) {
    std::erase_if(owners_, [&](const auto& one) { return one.first.topic == forgotten->topic; });
    std::erase_if(committed_, [&](const auto& one) { return one.first.topic == forgotten->topic; });
  } else if (const auto* committed = std::get_if<OffsetsCommitted>(&record)) {
    for (const OffsetEntry& one : committed->offsets) {
      EXPECT_EQ(owners_[one.partition], committed->by);
      const auto at = committed_.find(one.partition);
      if (at != committed_.end()) {
        EXPECT_LE(at->second, one.offset.value());
      }
      EXPECT_LE(one.offset.value(), ends_[one.partition]);
      committed_[one.partition] = one.offset.value();
    }
  } else if (const auto* reset = std::get_if<OffsetsReset>(&record)) {
    for (const OffsetEntry& one : reset->offsets) {
      EXPECT_FALSE(owners_.contains(one.partition));
      committed_[one.partition] = one.offset.value();
      // What is skipped, or read again, by somebody's word is as good as read.
      read_to_[one.partition] = std::max(read_to_[one.partition], one.offset.value());
    }
  }
}

// Who stays, and whose target stays, goes on with the partition.
void GroupWorld::check_nobody_pauses_in_vain(const Group& before) {
  const Roster& now = coordinator_.group(kGroup).roster;
  for (const auto& [id, topic] : before.roster.topics) {
    for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
      const Ownership& was = topic.partitions[i];
      const Ownership* is = now.ownership({id, model::PartitionIndex(static_cast<std::int32_t>(i))});
      if (is == nullptr || was.owner == kNobody || was.is_given_up() || now.member(was.owner) == nullptr)
        continue;
      if (is->target != was.owner) continue;
      EXPECT_EQ(is->owner, was.owner);
      EXPECT_FALSE(is->is_given_up());
    }
  }
}

GroupWorld::Client* GroupWorld::client_of(MemberNumber number, const std::string& id) {
  for (const auto& client : clients_) {
    if (client->joined && client->joined->number == number && client->joined->id == id) return client.get();
  }
  return nullptr;
}

void GroupWorld::deliver(const Decision& decision) {
  for (const Ended& ended : decision.ended) {
    Client* client = client_of(ended.number, ended.id);
    if (client == nullptr || !client->connected || client->joined->epoch != ended.epoch) continue;
    if (!client->silent) client->inbox.emplace_back(ended.error);
  }
  for (const MemberNumber number : decision.assigned) {
    const MemberSettings& member = coordinator_.group(kGroup).roster.member(number)->settings;
    Client* client = client_of(number, member.id);
    if (client == nullptr || !client->connected || client->silent) continue;
    const auto left = coordinator_.liveness.revoke_left(kGroup, number, coordinator_.now);
    client->inbox.emplace_back(
        Notice{coordinator_.assignment(kGroup, number), left.value_or(Milliseconds{0})});
  }
}

void GroupWorld::replace_coordinator() {
  GroupImage again;
  for (const GroupRecord& record : coordinator_.history) ASSERT_TRUE(apply(again, record));
  ASSERT_EQ(again, coordinator_.image);
  for (const auto& client : clients_) {
    client->connected = false;
    client->inbox.clear();
  }
  coordinator_.liveness = Liveness{};
  coordinator_.liveness.begin(coordinator_.image, coordinator_.now);
  coordinator_.topics = draw(2) == 0 ? older_ : newest_;  // its node may be behind with the metadata
  turn([](Turn& turn) { turn.follow_topics(); });
}

// --- clients
GroupWorld::Client* GroupWorld::draw_client(bool connected) {
  std::vector<Client*> those;
  for (const auto& client : clients_)
    if (client->connected == connected) those.push_back(client.get());
  return those.empty() ? nullptr : those[draw(those.size())];
}

Subscription GroupWorld::draw_subscription() {
  Subscription subscription;
  if (draw(4) == 0) {
    subscription.pattern = draw(2) == 0 ? "t.*" : "t[13]";
    return subscription;
  }
  for (int i = 0; i < 5; ++i)
    if (draw(2) == 0) subscription.topics.push_back("t" + std::to_string(i));
  if (subscription.topics.empty()) subscription.topics.push_back("t0");
  return subscription;
}

void GroupWorld::new_client() {
  auto client = std::make_unique<Client>();
  client->words.subscription = draw_subscription();
  client->words.session = kSession;
  client->words.revoke = draw(2) == 0 ? kSession : Milliseconds(30'000);
  client->words.rack = draw(2) == 0 ? "a" : "b";
  client->stubborn = draw(10) == 0;
  if (draw(4) == 0) client->words.instance = "static-" + std::to_string(names_);
  clients_.push_back(std::move(client));
  connect(*clients_.back());
}

// By a new stream: comes back if it was somebody, else joins.
void GroupWorld::connect(Client& client) {
  client.words.new_id = "m" + std::to_string(++names_);
  client.words.member_id = client.joined ? client.joined->id : "";
  client.words.epoch = client.joined ? client.joined->epoch : MemberEpoch{};
  client.words.owned.clear();
  for (const auto& [partition, at] : client.working) client.words.owned.push_back(partition);
  for (const auto& [partition, at] : client.stopping) client.words.owned.push_back(partition);
  client.inbox.clear();
  Result<Joined> joined;
  const auto before = client.joined;
  turn([&](Turn& turn) {
    joined = turn.join(client.words);
    // The stream stands as soon as the records are applied: what this very turn tells is for it.
    if (joined) client.joined = *joined;
    client.connected = joined.has_value();
    client.silent = false;
  });
  if (!joined) {
    EXPECT_TRUE(joined.error().code == ErrorCode::kUnknownMember ||
                joined.error().code == ErrorCode::kMemberFenced)
        << joined.error().context;
    lose_everything(client);
    return;
  }
  if (before) gone_.push_back({before->id, before->epoch});
  coordinator_.liveness.attach(kGroup, joined->number, joined->epoch, coordinator_.now);
  client.last_heartbeat = client.acknowledged = coordinator_.now;
}

// It is nobody any more: what it works on belongs to others.
void GroupWorld::lose_everything(Client& client) {
  if (client.joined) gone_.push_back({client.joined->id, client.joined->epoch});
  client.joined.reset();
  client.connected = false;
  client.working.clear();
  client.stopping.clear();
  client.to_confirm.reset();
  client.give_up_end.reset();
  client.inbox.clear();
}

void GroupWorld::break_stream(Client& client) {
  if (draw(2) == 0) {
    client.silent = true;
    return;
  }
  client.connected = false;
  client.inbox.clear();
  coordinator_.liveness.detach(kGroup, client.joined->number, client.joined->epoch, coordinator_.now);
}

void GroupWorld::read_inbox(Client& client) {
  if (client.inbox.empty()) return;
  const Told told = client.inbox.front();
  client.inbox.pop_front();
  if (const auto* notice = std::get_if<Notice>(&told)) take(client, *notice);
  if (const auto* acknowledged = std::get_if<Acknowledged>(&told)) client.acknowledged = acknowledged->sent;
  if (std::holds_alternative<Error>(told)) lose_everything(client);
}

void GroupWorld::take(Client& client, const Notice& notice) {
  const Assignment& assignment = notice.assignment;
  for (const model::TopicPartition& one : assignment.give_up) {
    const auto at = client.working.find(one);
    if (at != client.working.end()) client.stopping.insert(*at);
    client.working.erase(one);
  }
  std::set<model::TopicPartition> owned;
  for (const OwnedPartition& one : assignment.owned) {
    owned.insert(one.partition);
    if (!client.working.contains(one.partition)) begin(client, one);
  }
  std::erase_if(client.working, [&](const auto& one) { return !owned.contains(one.first); });
  client.to_confirm.reset();
  client.give_up_end.reset();
  if (assignment.give_up.empty()) return;
  client.to_confirm = assignment.number;
  // It was told at that time or later, and has so long.
  client.give_up_end = client.acknowledged + give_up_within(notice.confirm_within);
}

// I19: it begins where somebody else has stopped, or before.
void GroupWorld::begin(Client& client, const OwnedPartition& owned) {
  const std::int64_t from = owned.next ? owned.next->value() : 0;
  EXPECT_LE(from, read_to_[owned.partition]) << owned.partition.to_string() << ": something is skipped";
  client.working[owned.partition] = from;
}

void GroupWorld::work(Client& client) {
  for (auto& [partition, at] : client.working) {
    ends_[partition] += static_cast<std::int64_t>(draw(5));
    at = std::min(ends_[partition], at + static_cast<std::int64_t>(draw(5)));
    read_to_[partition] = std::max(read_to_[partition], at);
  }
}

CommitEntry GroupWorld::commit_entry(const model::TopicPartition& partition, std::int64_t offset) const {
  const auto end = ends_.find(partition);
  CommitEntry entry{
      "?", partition, model::Offset(offset), {}, model::Offset(end == ends_.end() ? 0 : end->second)};
  for (const auto& [name, view] : newest_.by_name)
    if (view.id == partition.topic) entry.topic = name;
  return entry;
}

void GroupWorld::commit_some(Client& client) {
  std::vector<CommitEntry> entries;
  for (const auto* those : {&client.working, &client.stopping}) {
    for (const auto& [partition, at] : *those)
      if (draw(3) != 0) entries.push_back(commit_entry(partition, at));
  }
  if (entries.empty() || client.silent) return;
  Result<EntryResults> results;
  turn([&](Turn& turn) {
    results = turn.commit(MemberRef{client.joined->id, client.joined->epoch}, model::Timestamp(1), entries);
  });
  if (!results) return;  // it is out, and has not heard of it
  for (const Result<void>& result : *results) {
    if (result) continue;
    const ErrorCode code = result.error().code;
    const bool is_behind = coordinator_.topics.version < newest_.version;
    EXPECT_TRUE(code == ErrorCode::kNotOwner || code == ErrorCode::kOffsetMovedBack ||
                (code == ErrorCode::kNotYet && is_behind))
        << result.error().context;
  }
}

// Somebody who is out, or an earlier epoch of somebody, about any partition.
void GroupWorld::commit_by_a_stranger() {
  if (gone_.empty() || newest_.by_name.empty()) return;
  const MemberRef stranger = gone_[draw(gone_.size())];
  for (const auto& client : clients_) {
    if (client->joined && client->joined->id == stranger.id && client->joined->epoch == stranger.epoch)
      return;
  }
  const auto& view =
      std::next(newest_.by_name.begin(), static_cast<std::ptrdiff_t>(draw(newest_.by_name.size())))->second;
  const model::TopicPartition partition{
      view.id, model::PartitionIndex(static_cast<std::int32_t>(draw(view.leader_racks.size())))};
  const bool is_owner = [&] {  // its place is kept though it does not know
    const Roster& roster = coordinator_.group(kGroup).roster;
    const Member* member = roster.member(roster.number_of(stranger.id));
    return member != nullptr && member->settings.epoch == stranger.epoch;
  }();
  Result<EntryResults> results;
  turn([&](Turn& turn) {
    results = turn.commit(stranger, model::Timestamp(1), {commit_entry(partition, ends_[partition])});
    if (results && results->at(0)) read_to_[partition] = std::max(read_to_[partition], ends_[partition]);
  });
  if (!is_owner) {
    EXPECT_FALSE(results);
  }
}

void GroupWorld::confirm(Client& client) {
  if (!client.to_confirm || client.stubborn || client.silent) return;
  turn([&](Turn& turn) {
    (void)turn.confirm({client.joined->id, client.joined->epoch}, *client.to_confirm);
  });
  client.stopping.clear();
  client.to_confirm.reset();
  client.give_up_end.reset();
}

void GroupWorld::release(Client& client) {
  if (client.working.empty() || client.silent) return;
  const auto one =
      std::next(client.working.begin(), static_cast<std::ptrdiff_t>(draw(client.working.size())));
  turn([&](Turn& turn) { (void)turn.release({client.joined->id, client.joined->epoch}, {one->first}); });
}

void GroupWorld::leave(Client& client) {
  const MemberRef me{client.joined->id, client.joined->epoch};
  const bool arrives = !client.silent;
  lose_everything(client);
  if (arrives) turn([&](Turn& turn) { (void)turn.leave(me); });
  if (draw(2) == 0) return;  // it comes again, as a new member or instance
  std::erase_if(clients_, [&](const auto& one) { return one.get() == &client; });
}

void GroupWorld::subscribe(Client& client) {
  if (client.silent) return;
  client.words.subscription = draw_subscription();
  turn([&](Turn& turn) {
    (void)turn.subscribe({client.joined->id, client.joined->epoch}, client.words.subscription);
  });
}

void GroupWorld::heartbeat(Client& client) {
  client.last_heartbeat = coordinator_.now;
  if (client.silent) return;
  coordinator_.liveness.hear(kGroup, client.joined->number, client.joined->epoch, coordinator_.now);
  client.inbox.emplace_back(Acknowledged{coordinator_.now});
}

void GroupWorld::pass_time(std::int64_t ms) {
  coordinator_.now += Milliseconds(ms);
  for (const auto& client : clients_) {
    if (!client->joined) continue;
    const bool too_late = client->give_up_end && *client->give_up_end <= coordinator_.now;
    if (too_late || client->acknowledged + lease_of(kSession) <= coordinator_.now) {
      lose_everything(*client);
    } else if (client->connected &&
               client->last_heartbeat + heartbeat_interval_of(kSession) <= coordinator_.now) {
      heartbeat(*client);
    }
  }
  for (const Expiry& expiry : coordinator_.liveness.on_time(coordinator_.now)) {
    if (draw(8) == 0) continue;  // its turn was not logged
    turn([&](Turn& turn) {
      if (expiry.give_up == AssignmentNumber{}) {
        turn.end_session(expiry.member, expiry.epoch);
      } else {
        turn.end_revoke(expiry.member, expiry.epoch, expiry.give_up);
      }
    });
  }
}

// --- topics
void GroupWorld::match_patterns() {
  auto& any = newest_.matches["t.*"];
  auto& some = newest_.matches["t[13]"];
  any.clear();
  some.clear();
  for (const auto& [name, view] : newest_.by_name) {
    any.push_back(name);
    if (name == "t1" || name == "t3") some.push_back(name);
  }
}

void GroupWorld::change_topics() {
  older_ = newest_;
  coordinator_.topics = newest_;
  const std::string name = "t" + std::to_string(draw(5));
  const auto there = newest_.by_name.find(name);
  if (there != newest_.by_name.end() && draw(3) == 0) {
    coordinator_.delete_topic(name);
  } else {
    const std::size_t now = there == newest_.by_name.end() ? 0 : there->second.leader_racks.size();
    coordinator_.set_topic(name, now + 1 + draw(3), {"a", "b", "a"});
  }
  newest_ = coordinator_.topics;
  match_patterns();
  coordinator_.topics = newest_;
  turn([](Turn& turn) { turn.follow_topics(); });
}

void GroupWorld::reset_offset() {
  if (newest_.by_name.empty()) return;
  const auto& view = newest_.by_name.begin()->second;
  const model::TopicPartition partition{view.id, model::PartitionIndex(0)};
  const auto to = static_cast<std::int64_t>(draw(static_cast<std::uint64_t>(ends_[partition]) + 1));
  turn([&](Turn& turn) {
    (void)turn.reset(model::Timestamp(1), {commit_entry(partition, to)}, Turn::ResetMode::kDo);
  });
}

// --- what happens
// I18, for real: nobody works on what another one works on.
void GroupWorld::check_working_apart() const {
  for (const auto& a : clients_) {
    for (const auto& b : clients_) {
      if (a == b) continue;
      for (const auto& [partition, at] : a->working) {
        EXPECT_FALSE(b->working.contains(partition)) << partition.to_string() << " is worked on twice";
        EXPECT_FALSE(b->stopping.contains(partition)) << partition.to_string() << " is not given up yet";
      }
    }
  }
}

void GroupWorld::step() {
  Client* client = draw_client(true);
  switch (const std::uint64_t what = draw(100); what) {
    case 0:
      replace_coordinator();
      break;
    case 1:
    case 2:
      change_topics();
      break;
    case 3:
      reset_offset();
      break;
    default:
      if (what < 10 && clients_.size() < 7) {
        new_client();
      } else if (what < 30) {
        pass_time(static_cast<std::int64_t>(draw(1'200)));
      } else if (what < 38) {
        if (Client* lost = draw_client(false)) connect(*lost);
      } else if (what < 41) {
        commit_by_a_stranger();
      } else if (client == nullptr) {
        break;
      } else if (what < 43) {
        break_stream(*client);
      } else if (what < 45) {
        leave(*client);
      } else if (what < 47) {
        release(*client);
      } else if (what < 48) {
        subscribe(*client);
      } else if (what < 58) {
        work(*client);
      } else if (what < 66) {
        commit_some(*client);
      } else if (what < 74) {
        confirm(*client);
      } else {
        read_inbox(*client);
      }
  }
  check_working_apart();
}

void GroupWorld::settle() {
  coordinator_.topics = newest_;
  turn([](Turn& turn) { turn.follow_topics(); });
  for (int round = 0; round < 60; ++round) {
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      Client& client = *clients_[i];
      client.stubborn = false;
      if (client.connected && client.silent) {
        client.connected = false;
        client.inbox.clear();
      }
      if (!client.connected) connect(client);
      while (!client.inbox.empty()) read_inbox(client);
      if (client.joined) confirm(client);
      check_working_apart();
    }
    pass_time(900);
  }
  const Group& group = coordinator_.group(kGroup);
  EXPECT_EQ(state_of(group), clients_.empty() ? GroupState::kEmpty : GroupState::kStable);
  EXPECT_EQ(group.roster.members.size(), clients_.size());
  std::size_t worked_on = 0;
  for (const auto& client : clients_) worked_on += client->working.size();
  EXPECT_EQ(worked_on, owners_.size());
  for (const auto& [id, topic] : group.roster.topics) {
    const bool wanted =
        std::any_of(group.roster.members.begin(), group.roster.members.end(), [&](const auto& one) {
          const Subscription& subscription = one.second.settings.subscription;
          const auto& names =
              subscription.pattern.empty() ? subscription.topics : newest_.matches.at(subscription.pattern);
          return std::find(names.begin(), names.end(), topic.name) != names.end();
        });
    for (const Ownership& one : topic.partitions) EXPECT_EQ(one.owner != kNobody, wanted) << topic.name;
  }
  const std::size_t records = coordinator_.history.size();
  turn([](Turn& turn) { turn.follow_topics(); });
  EXPECT_EQ(coordinator_.history.size(), records) << "something still moves";
}

}  // namespace forebay::group::testing
