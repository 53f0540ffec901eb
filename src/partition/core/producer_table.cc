#include "partition/core/producer_table.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace forebay::partition {
namespace {

// Another base costs a write of all of it: it is worth that when so much of it is new.
constexpr std::uint64_t kChangedPart = 16;
// How far a client may be above its share before who is to go is looked for again, which looks at everybody.
constexpr std::size_t kAbovePart = 8;
// Words of the log to be remembered while nobody is looked up on the disk; one comes each hour at most.
constexpr std::size_t kForgottenMax = 100;

}  // namespace

void ProducerTable::clear() {
  entries_.clear();
  memory_bytes_ = nobodies_ = changed_ = 0;
  index_.reset();
  base_ = {};
  is_base_expected_ = false;
  complete_ = true;
  forgotten_.clear();
  clients_.assign(1, {});
}

Result<void> ProducerTable::restore(model::LogPosition at, ByteSpan encoded) {
  FOREBAY_TRY(auto in, ProducerReader::open(encoded));
  ProducerIndex index;
  std::vector<ProducerEntry> producers;
  producers.reserve(in.count());
  for (;;) {
    FOREBAY_TRY(auto entry, in.next());
    if (!entry) break;
    index.add(entry->first, entry->second, in.last_bytes());
    producers.push_back(*std::move(entry));
  }
  clear();
  base_ = at;
  index_ = std::move(index);
  const std::size_t kept = share();
  if (producers.size() > kept) {
    complete_ = false;
    std::nth_element(producers.begin(), producers.begin() + static_cast<std::ptrdiff_t>(kept),
                     producers.end(), [](const ProducerEntry& a, const ProducerEntry& b) {
                       return std::pair(b.second.last_time, b.first) < std::pair(a.second.last_time, a.first);
                     });
    producers.resize(kept);
  }
  entries_.reserve(producers.size());
  for (auto& [id, state] : producers) insert(id, {std::move(state), base_, 0});
  return {};
}

// --- reading

bool ProducerTable::is_away(model::ProducerId id) const {
  return !complete_ && !entries_.contains(id) && index_->block_of(id).has_value();
}

const ProducerState* ProducerTable::find(model::ProducerId id) const {
  const auto at = entries_.find(id);
  return at == entries_.end() || at->second.state.is_nobody() ? nullptr : &at->second.state;
}

// --- entries, and what is counted of them

void ProducerTable::count_in(const ProducerState& state) {
  memory_bytes_ += state.memory_bytes();
  nobodies_ += state.is_nobody() ? 1 : 0;
}

void ProducerTable::count_out(const ProducerState& state) {
  memory_bytes_ -= state.memory_bytes();
  nobodies_ -= state.is_nobody() ? 1 : 0;
}

ProducerTable::Entries::iterator ProducerTable::insert(model::ProducerId id, Entry entry) {
  count_in(entry.state);
  changed_ += has_changed(entry) ? 1 : 0;
  ++clients_[entry.client].in_memory;
  return entries_.emplace(id, std::move(entry)).first;
}

ProducerTable::Entries::iterator ProducerTable::erase(Entries::iterator at) {
  count_out(at->second.state);
  changed_ -= has_changed(at->second) ? 1 : 0;
  --clients_[at->second.client].in_memory;
  return entries_.erase(at);
}

// --- what the log says

ProducerTable::Entries::iterator ProducerTable::hold(model::ProducerId id) {
  const auto at = entries_.find(id);
  return at == entries_.end() ? insert(id, {}) : at;
}

void ProducerTable::release(model::ProducerId id) {
  const auto at = entries_.find(id);
  if (at != entries_.end() && at->second.state.is_nobody() && !has_changed(at->second)) erase(at);
}

void ProducerTable::changed(Entries::iterator at, model::LogPosition end) {
  changed_ += has_changed(at->second) ? 0 : 1;
  at->second.changed = end;
  if (at->second.state.is_nobody() && !has_base()) erase(at);
}

void ProducerTable::forget(const log::ProducersForgotten& forgotten, model::LogPosition end) {
  if (has_base()) forgotten_.push_back({end, forgotten});
  for (auto at = entries_.begin(); at != entries_.end();) {
    Entry& entry = at->second;
    if (entry.state.is_nobody()) {
      ++at;
      continue;
    }
    count_out(entry.state);
    entry.state.forget(forgotten);
    count_in(entry.state);
    // Of one that has changed the base tells something older, which must not come up again.
    const bool gone = entry.state.is_nobody() && !(has_base() && has_changed(entry));
    at = gone ? erase(at) : std::next(at);
  }
}

// --- the base

void ProducerTable::bring(model::ProducerId id, std::optional<ProducerState> state) {
  if (entries_.contains(id)) return;
  Entry entry{std::move(state).value_or(ProducerState{}), base_, 0};
  for (const Forgotten& forgotten : forgotten_) entry.state.forget(forgotten.what);
  insert(id, std::move(entry));
}

ProducerDraft ProducerTable::draft(model::LogPosition position) const {
  ProducerDraft draft{.position = position, .base = std::nullopt, .forgotten = {}, .changed = {}};
  if (!complete_) {
    draft.base = base_;
    for (const Forgotten& forgotten : forgotten_) draft.forgotten.push_back(forgotten.what);
  }
  draft.changed.reserve(complete_ ? entries_.size() : changed_);
  for (const auto& [id, entry] : entries_) {
    if (complete_ ? !entry.state.is_nobody() : has_changed(entry))
      draft.changed.emplace_back(id, entry.state);
  }
  std::sort(draft.changed.begin(), draft.changed.end(),
            [](const ProducerEntry& a, const ProducerEntry& b) { return a.first < b.first; });
  return draft;
}

void ProducerTable::written(model::LogPosition position, ProducerIndex index, const IsHeld& is_held) {
  FOREBAY_ASSERT(position >= base_);
  index_ = std::move(index);
  base_ = position;
  while (!forgotten_.empty() && forgotten_.front().end <= base_) forgotten_.pop_front();
  changed_ = 0;
  std::uint64_t of_base = 0;
  for (const auto& [id, entry] : entries_) {
    changed_ += has_changed(entry) ? 1 : 0;
    of_base += has_changed(entry) || entry.state.is_nobody() ? 0 : 1;
  }
  if (of_base == index_->count()) complete_ = true;
  drop_nobodies(is_held);
  for (Client& client : clients_) client.look_again_at = 0;
}

void ProducerTable::drop_nobodies(const IsHeld& is_held) {
  if (nobodies_ == 0) return;
  for (auto at = entries_.begin(); at != entries_.end();) {
    const Entry& entry = at->second;
    const bool goes = entry.state.is_nobody() && !has_changed(entry) && !is_held(at->first);
    at = goes ? erase(at) : std::next(at);
  }
}

// --- what stays in memory

std::size_t ProducerTable::share() const {
  const auto present = static_cast<std::size_t>(std::count_if(
      clients_.begin(), clients_.end(), [](const Client& client) { return client.in_memory > 0; }));
  return std::min(limits_.in_memory_per_client, kProducersInMemoryMax / std::max<std::size_t>(present, 1));
}

std::uint16_t ProducerTable::client_of(std::string_view name) {
  if (name.empty()) return 0;
  std::size_t free = 0;
  for (std::size_t i = 1; i < clients_.size(); ++i) {
    if (clients_[i].name == name) return static_cast<std::uint16_t>(i);
    if (clients_[i].in_memory == 0) free = i;
  }
  if (free == 0 && clients_.size() <= kProducerClientsMax) {
    free = clients_.size();
    clients_.emplace_back();
  }
  if (free != 0) clients_[free] = {std::string(name), 0, 0};
  return static_cast<std::uint16_t>(free);
}

void ProducerTable::used_by(model::ProducerId id, std::string_view client) {
  const auto at = entries_.find(id);
  if (at == entries_.end()) return;
  Entry& entry = at->second;
  if (clients_[entry.client].name == client) return;
  const std::uint16_t now = client_of(client);
  --clients_[entry.client].in_memory;
  ++clients_[now].in_memory;
  entry.client = now;
}

ProducerTable::LetGo ProducerTable::let_go(const IsHeld& is_held) {
  LetGo gone;
  if (!index_) return gone;
  const std::size_t share = this->share();
  const auto is_above = [&](const Client& client) {
    return client.in_memory > share && client.in_memory >= client.look_again_at;
  };
  if (std::none_of(clients_.begin(), clients_.end(), is_above)) return gone;
  using Candidate = std::pair<model::Timestamp, model::ProducerId>;
  std::vector<std::vector<Candidate>> candidates(clients_.size());
  for (const auto& [id, entry] : entries_) {
    if (!has_changed(entry) && is_above(clients_[entry.client]) && !is_held(id))
      candidates[entry.client].emplace_back(entry.state.last_time, id);
  }
  std::size_t most = 0;
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    Client& client = clients_[i];
    if (!is_above(client)) continue;
    auto& oldest = candidates[i];
    const std::size_t count = std::min(oldest.size(), client.in_memory - share);
    std::nth_element(oldest.begin(), oldest.begin() + static_cast<std::ptrdiff_t>(count), oldest.end());
    for (std::size_t each = 0; each < count; ++each) erase(entries_.find(oldest[each].second));
    client.look_again_at = client.in_memory + 1 + share / kAbovePart;
    gone.producers += count;
    if (count > most) gone.client = client.name;
    most = std::max(most, count);
  }
  if (gone.producers > 0) complete_ = false;
  return gone;
}

bool ProducerTable::is_crowded() const {
  if (forgotten_.size() >= (complete_ ? kForgottenMax : 1)) return true;
  const std::size_t share = this->share();
  const std::uint64_t on_disk = index_ ? index_->count() : 0;
  if (changed_ <= std::max<std::uint64_t>(share, on_disk / kChangedPart)) return false;
  return std::any_of(clients_.begin(), clients_.end(),
                     [share](const Client& client) { return client.in_memory > share; });
}

}  // namespace forebay::partition
