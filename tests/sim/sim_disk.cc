#include "sim/sim_disk.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace forebay::sim {

PathPredicate any_path() {
  return [](std::string_view) { return true; };
}

PathPredicate path_contains(std::string text) {
  return
      [text = std::move(text)](std::string_view path) { return path.find(text) != std::string_view::npos; };
}

SimDisk::SimDisk(SimScheduler& scheduler, Options options)
    : scheduler_(scheduler),
      options_(options),
      rng_(scheduler.fork_rng()),
      root_(std::make_shared<SimNode>()) {
  root_->is_directory = true;
}

SimDisk::~SimDisk() { scheduler_.discard_events_of(this); }

void SimDisk::begin_step(DiskOp op, std::string_view path, std::uint64_t a, std::uint64_t b) {
  trace_.add(static_cast<std::uint64_t>(op));
  trace_.add(path);
  trace_.add(a);
  trace_.add(b);
  ++steps_;
  if (cut_at_ != 0 && steps_ >= cut_at_) {
    cut_at_ = 0;
    cut_power();
  }
}

std::optional<DiskFault> SimDisk::take_fault(DiskOp op, std::string_view path) {
  for (auto fault = faults_.begin(); fault != faults_.end(); ++fault) {
    if (fault->op != op || !fault->path(path)) continue;
    if (fault->skip > 0) {
      --fault->skip;
      continue;
    }
    DiskFault taken = *fault;
    if (fault->times != DiskFault::kForever && --fault->times == 0) faults_.erase(fault);
    return taken;
  }
  return std::nullopt;
}

Duration SimDisk::draw_delay(Duration most) {
  return Duration(static_cast<std::int64_t>(1 + rng_.below(static_cast<std::uint64_t>(most.count()) + 1)));
}

void SimDisk::restore_power(Landing landing) {
  FOREBAY_ASSERT(power_is_off_);
  late_.clear();
  settle(landing);
  end_life();
  power_is_off_ = false;
}

void SimDisk::kill_process(Landing in_flight) {
  FOREBAY_ASSERT(!power_is_off_);
  for (const WriteInFlight& write : std::exchange(in_flight_, {})) {
    const bool lands = in_flight == Landing::kKeep || (in_flight == Landing::kSeeded && rng_.one_in(2));
    if (lands) put(*write.node, write.offset, write.bytes, write.mode);
  }
  end_life();
}

void SimDisk::kill_process_with_late_writes() {
  late_.splice(late_.end(), in_flight_);
  end_life();
}

std::size_t SimDisk::land_late_writes() {
  const InFlight late = std::exchange(late_, {});
  for (const WriteInFlight& write : late) put(*write.node, write.offset, write.bytes, write.mode);
  return late.size();
}

void SimDisk::end_life() {
  ++life_;
  locks_.clear();
  cut_at_ = 0;
  scheduler_.discard_events_of(this);
  never_called_.clear();
  never_called_reads_.clear();
  in_flight_.clear();
}

// One draw for the whole cut first, so that runs in which everything or nothing arrives are common.
void SimDisk::settle(Landing landing) {
  if (landing == Landing::kSeeded) {
    switch (rng_.below(4)) {
      case 0:
        landing = Landing::kDrop;
        break;
      case 1:
        landing = Landing::kKeep;
        break;
      case 2:
      case 3:
        break;
    }
  }
  for (const WriteInFlight& write : std::exchange(in_flight_, {})) {
    write.node->pending.push_back(
        {PendingChange::Kind::kWrite, next_sequence_++, write.offset, write.bytes, false});
  }
  settle_names(landing);
  std::vector<std::weak_ptr<SimNode>> remaining;
  for (const std::weak_ptr<SimNode>& weak : std::exchange(nodes_, {})) {
    const SimNodePtr node = weak.lock();
    if (node == nullptr) continue;
    if (!node->is_directory) settle_content(node, landing);
    remaining.push_back(weak);
  }
  nodes_ = std::move(remaining);
}

void SimDisk::flip_bit(const std::string& path, std::uint64_t bit) {
  const SimNodePtr node = find(path);
  FOREBAY_ASSERT(node != nullptr && bit / 8 < node->content.size());
  for (SparseContent* content : {&node->content, &node->durable}) {
    std::byte byte{};
    if (content->read(bit / 8, {&byte, 1}) == 0) continue;
    byte ^= static_cast<std::byte>(1U << (bit % 8));
    content->write(bit / 8, {&byte, 1});
  }
}

void SimDisk::overwrite(const std::string& path, std::uint64_t offset, ByteSpan bytes) {
  const SimNodePtr node = find(path);
  FOREBAY_ASSERT(node != nullptr && !node->is_directory);
  node->content.write(offset, bytes);
  node->durable.write(offset, bytes);
  account(*node);
}

void SimDisk::truncate_file(const std::string& path, std::uint64_t bytes) {
  const SimNodePtr node = find(path);
  FOREBAY_ASSERT(node != nullptr && !node->is_directory);
  node->content.resize(bytes);
  node->durable.resize(bytes);
  node->pending.clear();
  account(*node);
}

std::optional<std::vector<std::byte>> SimDisk::content(const std::string& path) const {
  const SimNodePtr node = find(path);
  if (node == nullptr || node->is_directory) return std::nullopt;
  return node->content.all();
}

std::optional<std::vector<std::byte>> SimDisk::durable_content(const std::string& path) const {
  const SimNodePtr node = find_durable(path);
  if (node == nullptr || node->is_directory) return std::nullopt;
  return node->durable.all();
}

}  // namespace forebay::sim
