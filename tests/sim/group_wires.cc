#include "sim/group_wires.h"

#include <algorithm>

namespace forebay::sim {
namespace {

constexpr Duration kGiveUpMin = std::chrono::seconds(1);
constexpr Duration kGiveUpMax = std::chrono::seconds(8);

client::RpcError broken(const std::string& why) {
  return {Error{ErrorCode::kUnavailable, why}, false, std::nullopt, std::nullopt};
}

}  // namespace

GroupWires::Wire* GroupWires::find(WireId id) {
  const auto at = wires_.find(id);
  if (at == wires_.end()) return nullptr;
  if (at->second.at_member || at->second.at_node) return &at->second;
  wires_.erase(at);
  return nullptr;
}

Duration GroupWires::delay(Duration most) {
  return Duration(static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(most.count()) + 1)));
}

WireId GroupWires::open(MemberEnd& member, std::size_t node) {
  const WireId id = next_++;
  Wire& wire = wires_[id];
  wire.member = &member;
  wire.number = member.number();
  wire.node = node;
  ++counts_.opened;
  if (is_cut(wire.number, node)) give_up_later(id);
  return id;
}

// Returns: how long it takes. Never before what was said earlier.
template <typename Item>
Duration GroupWires::queue(Way<Item>& way, Item item) {
  const bool late = options_.late_one_in > 0 && rng_.one_in(options_.late_one_in);
  counts_.late += late ? 1U : 0U;
  way.last = std::max(way.last, scheduler_.now() + delay(late ? options_.late_max : options_.delay_max));
  way.items.push_back(std::move(item));
  return way.last - scheduler_.now();
}

void GroupWires::send_up(WireId id, Up item) {
  if (Wire* wire = find(id)) after(queue(wire->up, std::move(item)), [this, id] { deliver_up(id); });
}

void GroupWires::send_down(WireId id, Down item) {
  if (Wire* wire = find(id)) after(queue(wire->down, std::move(item)), [this, id] { deliver_down(id); });
}

void GroupWires::deliver_up(WireId id) {
  Wire* wire = find(id);
  if (wire == nullptr || wire->up.items.empty()) return;
  if (is_cut(wire->number, wire->node)) {
    ++counts_.held;
    return;
  }
  Up item = std::move(wire->up.items.front());
  wire->up.items.pop_front();
  SimExecutor* node = nodes_.executor_of(wire->node);
  if (node == nullptr || !wire->at_node) {
    if (node == nullptr && dark_.contains(wire->node)) return give_up_later(id);
    wire->at_node = false;
    ++counts_.refused;
    return drop_member_end(id, "nobody is there who knows the stream");
  }
  if (std::holds_alternative<End>(item)) return node->post([this, id] { drop_node_end(id); });
  node->post([this, id, words = std::get<client::MemberWords>(std::move(item))] { serve(id, words); });
}

void GroupWires::deliver_down(WireId id) {
  Wire* wire = find(id);
  if (wire == nullptr || wire->down.items.empty()) return;
  if (is_cut(wire->number, wire->node)) {
    ++counts_.held;
    return;
  }
  const Down item = std::move(wire->down.items.front());
  wire->down.items.pop_front();
  if (!wire->at_member) return;
  if (const auto* words = std::get_if<client::CoordinatorWords>(&item)) {
    wire->member->on_words(id, *words);
    return;
  }
  wire->at_member = false;
  wire->member->on_ended(id, std::get<End>(item).error);
}

void GroupWires::drop_member_end(WireId id, const std::string& why) {
  Wire* wire = find(id);
  if (wire == nullptr || !wire->at_member) return;
  wire->at_member = false;
  wire->member->on_ended(id, broken(why));
}

// On the node.
void GroupWires::drop_node_end(WireId id) {
  Wire* wire = find(id);
  if (wire == nullptr || !wire->at_node) return;
  detach(id);
  wire->at_node = false;
}

void GroupWires::cancel(WireId id) {
  Wire* wire = find(id);
  if (wire == nullptr) return;
  wire->at_member = false;
  if (rng_.one_in(2)) {
    counts_.lost_words += wire->up.items.size();
    wire->up.items.clear();
  }
  if (wire->at_node) send_up(id, End{});
}

void GroupWires::member_died(std::uint32_t member, Death how) {
  for (auto& [id, wire] : wires_) {
    if (wire.number != member || !wire.at_member) continue;
    wire.at_member = false;
    if (how == Death::kProcess && wire.at_node) send_up(id, End{});
  }
}

void GroupWires::node_died(std::size_t node, Death how) {
  if (how == Death::kSilent) dark_.insert(node);
  for (auto& [id, wire] : wires_) {
    if (wire.node != node) continue;
    wire.at_node = false;
    if (!wire.at_member) continue;
    if (how == Death::kProcess) {
      send_down(id, End{broken("the node has died")});
    } else {
      give_up_later(id);
    }
  }
}

void GroupWires::node_started(std::size_t node) { dark_.erase(node); }

void GroupWires::cut(std::uint32_t member, std::size_t node) {
  if (!cuts_.emplace(member, node).second) return;
  for (const auto& [id, wire] : wires_) {
    if (wire.number == member && wire.node == node) give_up_later(id);
  }
}

// Each end by itself, if nothing comes through until then.
void GroupWires::give_up_later(WireId id) {
  const auto is_silent = [this](const Wire& wire) {
    return is_cut(wire.number, wire.node) || dark_.contains(wire.node);
  };
  after(kGiveUpMin + delay(kGiveUpMax - kGiveUpMin), [this, id, is_silent] {
    const Wire* wire = find(id);
    if (wire == nullptr || !wire->at_member || !is_silent(*wire)) return;
    ++counts_.given_up;
    drop_member_end(id, "nothing was heard for too long");
  });
  after(kGiveUpMin + delay(kGiveUpMax - kGiveUpMin), [this, id, is_silent] {
    const Wire* wire = find(id);
    if (wire == nullptr || !wire->at_node || !is_silent(*wire)) return;
    if (SimExecutor* node = nodes_.executor_of(wire->node)) node->post([this, id] { drop_node_end(id); });
  });
}

void GroupWires::heal_all() {
  cuts_.clear();
  for (auto& [id, wire] : wires_) {
    const auto again = [this, id = id](std::size_t items, void (GroupWires::*deliver)(WireId)) {
      for (std::size_t i = 0; i < items; ++i)
        after(delay(options_.delay_max), [this, id, deliver] { (this->*deliver)(id); });
    };
    again(wire.up.items.size(), &GroupWires::deliver_up);
    again(wire.down.items.size(), &GroupWires::deliver_down);
  }
}

void GroupWires::break_streams_of(std::uint32_t member) {
  for (auto& [id, wire] : wires_) {
    if (wire.number != member) continue;
    ++counts_.broken;
    counts_.lost_words += wire.up.items.size() + wire.down.items.size();
    wire.up.items.clear();
    wire.down.items.clear();
    after(delay(std::chrono::seconds(1)), [this, id = id] { drop_member_end(id, "the connection broke"); });
    after(delay(std::chrono::seconds(1)), [this, id = id] {
      const Wire* broken = find(id);
      SimExecutor* node = broken == nullptr ? nullptr : nodes_.executor_of(broken->node);
      if (node != nullptr) node->post([this, id] { drop_node_end(id); });
    });
  }
}

}  // namespace forebay::sim
