#include "interaction.h"

#include <algorithm>
#include <set>
#include <utility>

#include "group/core/texts.h"

namespace forebay::group::testing {
namespace {

const std::string kGroup = "g";

std::vector<std::string> split(const std::string& text, char between) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, between);)
    if (!part.empty()) parts.push_back(part);
  return parts;
}

std::map<std::string, std::string> options_of(const std::vector<std::string>& words) {
  std::map<std::string, std::string> options;
  for (const std::string& word : words) {
    const auto at = word.find('=');
    if (at != std::string::npos) options[word.substr(0, at)] = word.substr(at + 1);
  }
  return options;
}

std::optional<StartRule> start_of(const std::map<std::string, std::string>& options) {
  const auto at = options.find("start");
  if (at == options.end()) return std::nullopt;
  if (at->second == "latest") return StartRule{StartPoint::kLatest};
  if (at->second == "fail") return StartRule{StartPoint::kFail};
  return StartRule{};
}

std::optional<Assignor> assignor_option(const std::map<std::string, std::string>& options) {
  const auto at = options.find("assignor");
  if (at == options.end()) return std::nullopt;
  return at->second == "range" ? Assignor::kRange : Assignor::kUniformSticky;
}

template <typename Number>
std::string text_of(Number number) {
  return std::to_string(number);
}

}  // namespace

std::string Interaction::run(const std::string& line) {
  out_.str("");
  std::vector<Words> commands;
  for (const std::string& part : split(line, ';')) commands.push_back(split(part, ' '));
  static const std::set<std::string> kSurroundings{"topic", "delete-topic", "match",      "break",
                                                   "after", "status",       "coordinator"};
  if (commands.size() == 1 && kSurroundings.contains(commands[0].at(0))) {
    obey_surroundings(commands[0]);
  } else {
    turn(commands);
  }
  return out_.str();
}

// --- what is around the coordinator
void Interaction::obey_surroundings(const Words& words) {
  const std::string& what = words.at(0);
  if (what == "topic") {
    const std::string& name = words.at(1);
    const auto racks = words.size() > 3 ? split(words[3], ',') : std::vector<std::string>{};
    topic_names_[coordinator_.set_topic(name, std::stoul(words.at(2)), racks)] = name;
  } else if (what == "delete-topic") {
    coordinator_.delete_topic(words.at(1));
  } else if (what == "match") {
    coordinator_.topics.matches[words.at(1)] =
        words.size() > 2 ? split(words[2], ',') : std::vector<std::string>{};
  } else if (what == "break") {
    const MemberRef member = ref(words.at(1));
    coordinator_.liveness.detach(kGroup, clients_.at(words[1]).joined->number, member.epoch,
                                 coordinator_.now);
  } else if (what == "after") {
    pass_time(words);
  } else if (what == "coordinator") {
    GroupImage again;
    for (const GroupRecord& record : coordinator_.history) ASSERT_TRUE(apply(again, record));
    coordinator_.image = again;
    coordinator_.liveness = Liveness{};
    coordinator_.liveness.begin(again, coordinator_.now);
  } else if (what == "status") {
    status();
  } else {
    tell("error: " + what + "?");
  }
}

// "after 5000 ms hearing a,b": those named send a heartbeat every second.
void Interaction::pass_time(const Words& words) {
  const auto heard = words.size() > 4 ? split(words[4], ',') : std::vector<std::string>{};
  const SteadyTime end = coordinator_.now + Milliseconds(std::stol(words.at(1)));
  while (coordinator_.now < end) {
    coordinator_.now = std::min(end, coordinator_.now + Milliseconds(1'000));
    for (const std::string& name : heard) {
      const Joined& member = *clients_.at(name).joined;
      coordinator_.liveness.hear(kGroup, member.number, member.epoch, coordinator_.now);
    }
    for (const Expiry& expiry : coordinator_.liveness.on_time(coordinator_.now)) {
      const bool session = expiry.give_up == AssignmentNumber{};
      tell(text_of(coordinator_.now.count()) + " ms: " + client_text(expiry.member) +
           (session ? "'s session is over" : " has not confirmed in time"));
      show_decision(coordinator_.turn(kGroup, [&](Turn& turn) {
        if (session) {
          turn.end_session(expiry.member, expiry.epoch);
        } else {
          turn.end_revoke(expiry.member, expiry.epoch, expiry.give_up);
        }
      }));
    }
  }
}

// --- a turn
void Interaction::turn(const std::vector<Words>& inputs) {
  const Decision decision = coordinator_.turn(kGroup, [&](Turn& turn) {
    for (const Words& words : inputs) input(turn, words);
  });
  show_decision(decision);
  for (const auto& [name, client] : clients_) {
    if (!client.joined || coordinator_.image.find(kGroup) == nullptr) continue;
    for (const Words& words : inputs) {
      if ((words[0] == "join" || words[0] == "resume") && words.at(1) == name)
        coordinator_.liveness.attach(kGroup, client.joined->number, client.joined->epoch, coordinator_.now);
    }
  }
}

void Interaction::input(Turn& turn, const Words& words) {
  static const std::set<std::string> kOperator{"create", "delete", "reset", "try-reset", "resolve", "follow"};
  if (kOperator.contains(words.at(0))) {
    input_operator(turn, words);
  } else {
    input_member(turn, words);
  }
}

void Interaction::join(Turn& turn, const Words& words) {
  const auto options = options_of(words);
  Client& client = clients_[words.at(1)];
  client.words = {};
  client.words.new_id = words[1] + "-" + text_of(++client.names);
  if (words.size() > 2 && words[2].find('=') == std::string::npos)
    client.words.subscription.topics = split(words[2], ',');
  if (const auto at = options.find("pattern"); at != options.end())
    client.words.subscription.pattern = at->second;
  if (const auto at = options.find("instance"); at != options.end()) client.words.instance = at->second;
  if (const auto at = options.find("rack"); at != options.end()) client.words.rack = at->second;
  client.words.start = start_of(options);
  client.words.assignor = assignor_option(options);
  answer_join(words[1], turn.join(client.words));
}

// "resume a holding orders/0,orders/1".
void Interaction::resume(Turn& turn, const Words& words) {
  Client& client = clients_.at(words.at(1));
  JoinInput input = client.words;
  input.member_id = client.joined->id;
  input.epoch = client.joined->epoch;
  if (words.size() > 3) {
    for (const std::string& one : split(words[3], ',')) input.owned.push_back(partition_of(one));
  }
  answer_join(words[1], turn.join(input));
}

void Interaction::answer_join(const std::string& name, const Result<Joined>& joined) {
  if (!joined) return answer(name + " joins", joined.error());
  clients_[name].joined = *joined;
  names_[joined->number] = name;
  tell(name + " joins: it is " + joined->id + " in epoch " + text_of(joined->epoch.value()));
}

void Interaction::answer(const std::string& what, const Result<void>& result) {
  tell(what + ": " +
       (result ? "yes" : std::string(error_code_name(result.error().code)) + ", " + result.error().context));
}

void Interaction::input_member(Turn& turn, const Words& words) {
  const std::string& what = words.at(0);
  const std::string who = words.size() > 1 ? words[1] : "";
  if (what == "join") {
    join(turn, words);
  } else if (what == "resume") {
    resume(turn, words);
  } else if (what == "confirm") {
    const AssignmentNumber last =
        coordinator_.group(kGroup).roster.members.contains(clients_.at(who).joined->number)
            ? coordinator_.assignment(kGroup, clients_.at(who).joined->number).number
            : AssignmentNumber(1);
    answer(who + " confirms",
           turn.confirm(ref(who), words.size() > 2 ? AssignmentNumber(std::stoul(words[2])) : last));
  } else if (what == "subscribe") {
    Subscription subscription{split(words.at(2), ','), ""};
    clients_.at(who).words.subscription = subscription;
    answer(who + " subscribes", turn.subscribe(ref(who), subscription));
  } else if (what == "release") {
    const auto outcome = turn.release(ref(who), {partition_of(words.at(2))});
    if (!outcome) return answer(who + " gives back", outcome.error());
    tell(who + " gives back: " + (outcome->move.empty() ? "it stays, nobody else may have it" : "it moves"));
  } else if (what == "leave") {
    const auto leaving = turn.leave(ref(who));
    if (!leaving) return answer(who + " leaves", leaving.error());
    tell(who + " leaves: " + (*leaving == Leaving::kGone ? "yes" : "its place is kept for its session"));
  } else if (what == "commit") {
    const auto by = who == "nobody" ? std::nullopt : std::optional(ref(who));
    const auto results = turn.commit(by, model::Timestamp(0), {entry_of(words, 2)});
    const std::string text = who + " commits " + words.at(2) + " at " + words.at(3);
    answer(text, results ? results->at(0) : Result<void>(results.error()));
  } else {
    tell("error: " + what + "?");
  }
}

void Interaction::input_operator(Turn& turn, const Words& words) {
  const std::string& what = words.at(0);
  if (what == "create") {
    const auto created = turn.create(start_of(options_of(words)), assignor_option(options_of(words)));
    answer("create", created ? Result<void>() : created.error());
  } else if (what == "delete") {
    answer("delete", turn.remove());
  } else if (what == "follow") {
    turn.follow_topics();
  } else if (what == "resolve") {
    const model::TopicPartition at = partition_of(words.at(1));
    const Group& group = coordinator_.group("g");
    const auto rule = rule_to_resolve(group.start, group.roster.topics.at(at.topic), at);
    turn.resolve_starts({{{at, rule.value_or(StartRule{})}, model::Offset(std::stol(words.at(2)))}});
  } else {
    const auto mode = what == "reset" ? Turn::ResetMode::kDo : Turn::ResetMode::kTry;
    const auto results = turn.reset(model::Timestamp(0), {entry_of(words, 1)}, mode);
    if (!results) return answer(what, results.error());
    const auto& one = results->at(0);
    answer(what + " " + words.at(1) + " from " + (one.before ? text_of(one.before->value()) : "nothing") +
               " to " + words.at(2),
           one.result);
  }
}

// --- what it says
void Interaction::show_log(const GroupRecord& record) {
  if (const auto* r = std::get_if<GroupCreated>(&record)) {
    tell("log: group created, start " + to_text(r->start) + ", " + std::string(assignor_name(r->assignor)));
  } else if (std::holds_alternative<GroupDeleted>(record)) {
    tell("log: group deleted");
  } else if (const auto* assignor = std::get_if<AssignorSet>(&record)) {
    tell("log: assignor " + std::string(assignor_name(assignor->assignor)));
  } else if (const auto* set = std::get_if<MemberSet>(&record)) {
    tell("log: member " + text_of(set->number.value()) + " is " + set->settings.id);
  } else if (const auto* resumed = std::get_if<MemberResumed>(&record)) {
    tell("log: " + client_text(resumed->number) + " is back, epoch " + text_of(resumed->epoch.value()));
  } else if (const auto* removed = std::get_if<MemberRemoved>(&record)) {
    tell("log: " + client_text(removed->number) + " is out: " + std::string(removal_text(removed->why)));
  } else if (const auto* seen = std::get_if<TopicSeen>(&record)) {
    tell("log: topic " + seen->name + " has " + text_of(seen->partitions) + " partitions");
  } else if (const auto* forgotten = std::get_if<TopicForgotten>(&record)) {
    tell("log: topic " + topic_names_.at(forgotten->topic) + " is gone");
  } else if (const auto* target = std::get_if<TargetSet>(&record)) {
    std::string text = "log: target " + text_of(target->epoch.value()) + ":";
    for (const TargetChange& change : target->changes)
      text += " " + partition_text(change.partition) + " to " + client_text(change.member);
    tell(text);
  } else if (const auto* changed = std::get_if<OwnershipChanged>(&record)) {
    tell("log: " + client_text(changed->member) + " assignment " + text_of(changed->assignment.value()) +
         (changed->granted.empty() ? "" : ", gets " + partitions_text(changed->granted)) +
         (changed->giving_up.empty() ? "" : ", is to give up " + partitions_text(changed->giving_up)));
  } else if (const auto* released = std::get_if<PartitionsReleased>(&record)) {
    tell("log: " + client_text(released->member) + " has given up " + partitions_text(released->partitions));
  } else if (const auto* avoided = std::get_if<PartitionsAvoided>(&record)) {
    tell("log: too slow at " + client_text(avoided->member) + ": " + partitions_text(avoided->partitions));
  } else if (const auto* committed = std::get_if<OffsetsCommitted>(&record)) {
    for (const OffsetEntry& one : committed->offsets)
      tell("log: committed " + partition_text(one.partition) + " at " + text_of(one.offset.value()));
  } else if (const auto* reset = std::get_if<OffsetsReset>(&record)) {
    for (const OffsetEntry& one : reset->offsets)
      tell("log: reset " + partition_text(one.partition) + " to " + text_of(one.offset.value()));
  } else if (const auto* resolved = std::get_if<StartsResolved>(&record)) {
    for (const auto& [partition, start] : resolved->starts)
      tell("log: " + partition_text(partition) + " starts at " + text_of(start.value()));
  }
}

void Interaction::show_decision(const Decision& decision) {
  for (const GroupRecord& record : decision.records) show_log(record);
  for (const Ended& ended : decision.ended)
    tell("-> " + ended.id + ": the end, " + std::string(error_code_name(ended.error.code)));
  for (const MemberNumber number : decision.assigned) show_assignment(number);
  for (const WantedStart& wanted : decision.starts_wanted)
    tell("to be found: where " + partition_text(wanted.partition) + " starts, " + to_text(wanted.rule));
}

void Interaction::show_assignment(MemberNumber number) {
  const Assignment told = coordinator_.assignment(kGroup, number);
  std::string owned;
  for (const OwnedPartition& one : told.owned) {
    owned += " " + partition_text(one.partition);
    if (one.next) owned += "@" + text_of(one.next->value());
  }
  std::string text = "-> " + client_text(number) + ": assignment " + text_of(told.number.value()) + ", owns" +
                     (owned.empty() ? " nothing" : owned);
  if (!told.give_up.empty()) {
    text += "; give up " + partitions_text(told.give_up) + " within " +
            text_of(coordinator_.liveness.revoke_left(kGroup, number, coordinator_.now)->count()) + " ms";
  }
  tell(text);
}

void Interaction::status() {
  const Group* group = coordinator_.image.find(kGroup);
  if (group == nullptr) return tell("no group");
  tell(std::string(state_name(state_of(*group))) + ", epoch " + text_of(group->roster.epoch.value()));
  for (const auto& [number, member] : group->roster.members) {
    const Partitions waited = waited_for(*group, number);
    show_assignment(number);
    if (!waited.empty()) tell("   waits for " + partitions_text(waited));
  }
}

std::string Interaction::client_text(MemberNumber number) const {
  const auto at = names_.find(number);
  return at == names_.end() ? "nobody" : at->second;
}

std::string Interaction::partition_text(const model::TopicPartition& partition) const {
  return topic_names_.at(partition.topic) + "/" + std::to_string(partition.partition.value());
}

std::string Interaction::partitions_text(const Partitions& partitions) const {
  std::string text;
  for (const model::TopicPartition& one : partitions) text += (text.empty() ? "" : " ") + partition_text(one);
  return text;
}

model::TopicPartition Interaction::partition_of(const std::string& word) const {
  const auto parts = split(word, '/');
  return coordinator_.partition(parts.at(0), std::stoi(parts.at(1)));
}

// "orders/0 7": of a partition whose high watermark is 1000.
CommitEntry Interaction::entry_of(const Words& words, std::size_t place) const {
  const auto parts = split(words.at(place), '/');
  return coordinator_.entry(parts.at(0), std::stoi(parts.at(1)), std::stol(words.at(place + 1)));
}

MemberRef Interaction::ref(const std::string& name) const {
  const Client& client = clients_.at(name);
  return {client.joined->id, client.joined->epoch};
}

}  // namespace forebay::group::testing
