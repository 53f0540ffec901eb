// The contents of files on the simulated disk: writing, syncing, and what a power cut leaves of them.
#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "sim/sim_disk.h"

namespace forebay::sim {

namespace {

Error failed(ErrorCode code, std::string_view what, std::string_view path, std::string_view why) {
  return Error{code, std::string(what) + " " + std::string(path) + ": " + std::string(why)};
}

bool overlaps(const PendingChange& change, std::uint64_t begin, std::uint64_t end) {
  // A change of size may reach anywhere behind its place.
  if (change.kind != PendingChange::Kind::kWrite) return true;
  return change.offset < end && begin < change.offset + change.bytes.size();
}

void apply(SparseContent& content, const PendingChange& change) {
  switch (change.kind) {
    case PendingChange::Kind::kWrite:
      content.write(change.offset, change.bytes);
      break;
    case PendingChange::Kind::kTruncate:
      content.resize(change.offset);
      break;
    case PendingChange::Kind::kExtend:
      content.resize(std::max(content.size(), change.offset));
      break;
  }
}

// A drawn subset of the sectors.
void apply_torn(SparseContent& content, const PendingChange& change, SimRng& rng) {
  const ByteSpan bytes(change.bytes);
  for (std::uint64_t at = 0; at < bytes.size();) {
    const std::uint64_t sector_end = ((change.offset + at) / kSectorBytes + 1) * kSectorBytes - change.offset;
    const std::uint64_t end = std::min<std::uint64_t>(bytes.size(), sector_end);
    if (rng.one_in(2)) content.write(change.offset + at, bytes.subspan(at, end - at));
    at = end;
  }
}

}  // namespace

std::uint64_t SimDisk::space_wanted(const SimNode& node, std::uint64_t end) const {
  const std::uint64_t wanted = std::max(node.reserved_bytes, io::round_up_to_block(end));
  return wanted > node.accounted_bytes ? wanted - node.accounted_bytes : 0;
}

void SimDisk::account(SimNode& node) {
  const std::uint64_t bytes =
      node.linked ? std::max(node.reserved_bytes, io::round_up_to_block(node.content.size())) : 0;
  used_bytes_ += bytes;
  used_bytes_ -= node.accounted_bytes;
  node.accounted_bytes = bytes;
}

void SimDisk::put(SimNode& node, std::uint64_t offset, ByteSpan bytes, io::WriteMode mode) {
  const bool durable = mode == io::WriteMode::kDurable;
  node.content.write(offset, bytes);
  if (durable) node.durable.write(offset, bytes);
  const bool in_order =
      !durable || std::any_of(node.pending.begin(), node.pending.end(), [&](const auto& change) {
        return overlaps(change, offset, offset + bytes.size());
      });
  if (in_order) {
    node.pending.push_back(
        {PendingChange::Kind::kWrite, next_sequence_++, offset, {bytes.begin(), bytes.end()}, durable});
  }
  account(node);
}

void SimDisk::note_use(const SimNode& node, std::string_view path) {
  if (node.failed) used_after_failure_.emplace_back(path);
}

Result<void> SimDisk::apply_write(const WriteInFlight& write, const std::optional<DiskFault>& fault,
                                  std::string_view path) {
  SimNode& node = *write.node;
  note_use(node, path);
  const auto effect = fault.has_value() ? fault->effect : DiskEffect::kStall;
  std::uint64_t offset = write.offset;
  switch (effect) {
    case DiskEffect::kStall:
      break;
    case DiskEffect::kLost:
      return {};
    case DiskEffect::kNoSpace:
      node.failed = true;
      return failed(ErrorCode::kDiskFull, "write", path, "No space left on device");
    case DiskEffect::kIoError: {
      node.failed = true;
      if (rng_.one_in(2)) {
        const PendingChange change{PendingChange::Kind::kWrite, 0, offset, write.bytes, false};
        SimRng same_sectors = rng_;  // what is visible is what landed
        apply_torn(node.content, change, rng_);
        if (write.mode == io::WriteMode::kDurable) apply_torn(node.durable, change, same_sectors);
      }
      account(node);
      return failed(ErrorCode::kStorageFailed, "write", path, "Input/output error");
    }
    case DiskEffect::kMisdirect: {
      const std::uint64_t blocks = node.content.size() / io::kBlockBytes + 2;
      const std::uint64_t block = offset / io::kBlockBytes;
      offset = (block + 1 + rng_.below(blocks - 1)) % blocks * io::kBlockBytes;
      break;
    }
  }
  ByteSpan bytes(write.bytes);
  if (used_bytes_ + space_wanted(node, offset + bytes.size()) <= options_.capacity_bytes) {
    put(node, offset, bytes, write.mode);
    return {};
  }
  // What fits is written, as a short write would leave it.
  node.failed = true;
  const std::uint64_t free = options_.capacity_bytes - std::min(options_.capacity_bytes, used_bytes_);
  const std::uint64_t end = node.accounted_bytes + free / io::kBlockBytes * io::kBlockBytes;
  if (end > offset) put(node, offset, bytes.first(static_cast<std::size_t>(end - offset)), write.mode);
  return failed(ErrorCode::kDiskFull, "write", path, "No space left on device");
}

Result<void> SimDisk::apply_sync(SimNode& node, std::uint64_t sequence_end,
                                 const std::optional<DiskFault>& fault, std::string_view path) {
  note_use(node, path);
  const auto effect = fault.has_value() ? fault->effect : DiskEffect::kStall;
  if (effect == DiskEffect::kLost) return {};
  const bool fails = effect == DiskEffect::kIoError || effect == DiskEffect::kNoSpace;
  std::vector<PendingChange> later;
  for (PendingChange& change : std::exchange(node.pending, {})) {
    if (change.sequence >= sequence_end) {
      later.push_back(std::move(change));
    } else if (fails) {
      land(node, change, Landing::kSeeded);
    } else {
      apply(node.durable, change);
    }
  }
  node.pending = std::move(later);
  if (!fails) return {};
  node.failed = true;
  if (fault->failed_sync == FailedSync::kOldBytesBack) {
    node.content = node.durable;
    for (const PendingChange& change : node.pending) apply(node.content, change);
    account(node);
  }
  return effect == DiskEffect::kNoSpace
             ? failed(ErrorCode::kDiskFull, "sync", path, "No space left on device")
             : failed(ErrorCode::kStorageFailed, "sync", path, "Input/output error");
}

Result<void> SimDisk::resize(SimNode& node, std::uint64_t bytes, PendingChange::Kind kind,
                             std::string_view path) {
  const bool extends = kind == PendingChange::Kind::kExtend;
  if (extends) {
    if (used_bytes_ + space_wanted(node, bytes) > options_.capacity_bytes) {
      return failed(ErrorCode::kDiskFull, "allocate", path, "No space left on device");
    }
    node.reserved_bytes = std::max(node.reserved_bytes, io::round_up_to_block(bytes));
  } else {
    node.reserved_bytes = 0;
  }
  const PendingChange change{kind, next_sequence_++, bytes, {}, false};
  apply(node.content, change);
  node.pending.push_back(change);
  account(node);
  return {};
}

void SimDisk::land(SimNode& node, const PendingChange& change, Landing landing) {
  if (change.durable || landing == Landing::kKeep) return apply(node.durable, change);
  if (landing == Landing::kDrop) return;
  switch (rng_.below(3)) {
    case 0:
      break;
    case 1:
      apply(node.durable, change);
      break;
    case 2:
      if (change.kind == PendingChange::Kind::kWrite) apply_torn(node.durable, change, rng_);
      break;
  }
}

void SimDisk::settle_content(const SimNodePtr& node, Landing landing) {
  for (const PendingChange& change : std::exchange(node->pending, {})) land(*node, change, landing);
  node->content = node->durable;
  node->failed = false;
  node->reserved_bytes = 0;  // how much of a reservation outlives a crash is the file system's secret
  account(*node);
}

}  // namespace forebay::sim
