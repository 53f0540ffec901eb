// Offsets of groups: commits and resets, once it is known how far their partitions go; and where the start
// rule of a group leads.
#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "group/coordinator_parts.h"

namespace forebay::group {
namespace {

constexpr runtime::Duration kFindAgain = std::chrono::milliseconds(500);

}  // namespace

void Coordinator::find_starts(const std::string& group, const std::vector<WantedStart>& wanted) {
  for (const WantedStart& one : wanted) {
    // A group of that name may have gone since, and this is another one, with another rule.
    const auto [asked, is_new] = finding_.try_emplace({group, one.partition}, one.rule);
    if (!is_new && asked->second == one.rule) continue;
    asked->second = one.rule;
    parts_.places->find_start(
        one.partition, one.rule, guarded([this, group, one](const Result<model::Offset>& found) {
          const auto at = finding_.find({group, one.partition});
          if (at == finding_.end() || at->second != one.rule) return;
          finding_.erase(at);
          if (!found) return find_starts_later(group);
          auto logged = guarded([this, group](const Result<void>& done) {
            if (!done) find_starts_later(group);
          });
          enqueue(group, {.decide = [one, offset = *found, logged](Turn& turn) mutable -> Finish {
                            turn.resolve_starts({{one, offset}});
                            return logged;
                          },
                          .refuse = logged,
                          .bytes = kEntryBytes});
        }));
  }
}

void Coordinator::find_starts_later(const std::string& group) {
  parts_.executor->schedule_after(kFindAgain, guarded([this, group] {
                                    if (const Group* now = machine_.image().find(group))
                                      find_starts(group, starts_wanted(*now));
                                  }));
}

// As the group knows the topic, else as the metadata does. Nil: there is none of that name.
model::TopicPartition Coordinator::partition_of(const Group* group, const std::string& topic,
                                                model::PartitionIndex partition) const {
  const TopicsSnapshot* topics = parts_.topics->snapshot();
  if (const TopicView* view = topics == nullptr ? nullptr : topics->find(topic)) return {view->id, partition};
  if (group == nullptr) return {{}, partition};
  for (const auto& [id, one] : group->roster.topics) {
    if (one.name == topic) return {id, partition};
  }
  return {{}, partition};
}

std::vector<CommitEntry> Coordinator::entries_of(const std::string& name,
                                                 std::vector<NamedOffset> offsets) const {
  const Group* group = machine_.image().find(name);
  std::vector<CommitEntry> entries;
  entries.reserve(offsets.size());
  for (NamedOffset& one : offsets) {
    auto at = partition_of(group, one.partition.topic, one.partition.partition);
    if (!one.topic_id.is_nil()) at.topic = one.topic_id;
    entries.push_back({.topic = std::move(one.partition.topic),
                       .partition = at,
                       .offset = one.offset,
                       .metadata = std::move(one.metadata),
                       .high_watermark = {}});
  }
  return entries;
}

// A member's commits go on in the order in which they came: a later one must not overtake one that waits for
// a leader. Those of other members do not wait for it: what they own is not the same, and the turn refuses
// whatever would go back. What nobody's member asks for keeps its place among all.
void Coordinator::gate(const std::string& group, std::shared_ptr<Gated> gated) {
  gated->unknown.resize(gated->entries.size());
  gated->asked = 1;  // by this loop: a question may be answered inside
  gates_[group].push_back(gated);
  const TopicsSnapshot* topics = parts_.topics->snapshot();
  for (std::size_t i = 0; i < gated->entries.size(); ++i) {
    CommitEntry& entry = gated->entries[i];
    const TopicView* view = topics == nullptr ? nullptr : topics->find(entry.topic, entry.partition.topic);
    const auto index = static_cast<std::size_t>(entry.partition.partition.value());
    if (view == nullptr || entry.partition.partition.value() < 0 || index >= view->leader_racks.size())
      continue;  // refused for that
    entry.high_watermark = parts_.places->known_high_watermark(entry.partition).value_or(model::Offset(0));
    if (entry.offset <= *entry.high_watermark) continue;
    ++gated->asked;
    parts_.places->ask_high_watermark(
        entry.partition, guarded([this, group, gated, i](const Result<model::Offset>& known) {
          if (known) {
            gated->entries[i].high_watermark = std::max(*gated->entries[i].high_watermark, *known);
          } else {
            gated->unknown[i] =
                not_yet("how far the partition goes is not known now, nothing was committed; retry: " +
                        known.error().context);
          }
          --gated->asked;
          open_gate(group);
        }));
  }
  --gated->asked;
  open_gate(group);
}

void Coordinator::open_gate(const std::string& group) {
  while (const auto gated = take_open(group)) gated->go(*gated);
}

// Nothing: all wait.
std::shared_ptr<Coordinator::Gated> Coordinator::take_open(const std::string& group) {
  const auto at = gates_.find(group);
  if (at == gates_.end()) return nullptr;
  auto& line = at->second;
  std::set<std::string_view> waiting;  // members
  for (auto one = line.begin(); one != line.end(); ++one) {
    const std::string& member = (*one)->member;
    const bool is_first = member.empty() ? one == line.begin() : !waiting.contains(member);
    if (is_first && (*one)->asked == 0) {
      auto open = std::move(*one);
      line.erase(one);
      if (line.empty()) gates_.erase(at);
      return open;
    }
    if (member.empty()) return nullptr;
    waiting.insert(member);
  }
  return nullptr;
}

void Coordinator::commit(const std::string& group, std::optional<MemberRef> member,
                         std::vector<NamedOffset> offsets, Done<EntryResults> done) {
  if (auto leads = host_.check(); !leads) return done(std::move(leads).error());
  auto answer = std::make_shared<Done<EntryResults>>(std::move(done));
  auto gated = std::make_shared<Gated>();
  if (member) gated->member = member->id;
  gated->entries = entries_of(group, std::move(offsets));
  gated->refuse = [answer](const Error& why) { (*answer)(why); };
  gated->go = [this, group, member = std::move(member), answer](Gated& now) mutable {
    std::vector<CommitEntry> known;
    std::size_t bytes = kEntryBytes;
    for (std::size_t i = 0; i < now.entries.size(); ++i) {
      if (now.unknown[i]) continue;
      bytes += kEntryBytes + now.entries[i].metadata.size();
      known.push_back(std::move(now.entries[i]));
    }
    Input input = input_of<EntryResults>(
        [member = std::move(member), known = std::move(known), unknown = std::move(now.unknown),
         at = parts_.clock->now()](Turn& turn) -> Result<EntryResults> {
          FOREBAY_TRY(EntryResults some, turn.commit(member, at, known));
          EntryResults all;
          auto next = some.begin();
          for (const auto& error : unknown) all.push_back(error ? Result<void>(*error) : std::move(*next++));
          return all;
        },
        answer);
    input.bytes = bytes;
    enqueue(group, std::move(input));
  };
  gate(group, std::move(gated));
}

void Coordinator::reset(const std::string& group, std::vector<NamedOffset> offsets, Turn::ResetMode mode,
                        Done<std::vector<ResetResult>> done) {
  if (auto leads = host_.check(); !leads) return done(std::move(leads).error());
  auto answer = std::make_shared<Done<std::vector<ResetResult>>>(std::move(done));
  auto gated = std::make_shared<Gated>();
  gated->entries = entries_of(group, std::move(offsets));
  gated->refuse = [answer](const Error& why) { (*answer)(why); };
  gated->go = [this, group, mode, answer](Gated& now) {
    // All or none.
    for (const auto& error : now.unknown) {
      if (error) return (*answer)(*error);
    }
    std::size_t bytes = kEntryBytes;
    for (const CommitEntry& one : now.entries) bytes += kEntryBytes + one.metadata.size();
    Input input =
        input_of<std::vector<ResetResult>>([entries = std::move(now.entries), mode, at = parts_.clock->now()](
                                               Turn& turn) { return turn.reset(at, entries, mode); },
                                           answer);
    input.bytes = bytes;
    enqueue(group, std::move(input));
  };
  gate(group, std::move(gated));
}

}  // namespace forebay::group
