#include "log/log_reads.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/assert.h"
#include "base/endian.h"

namespace forebay::log {
namespace {

constexpr std::uint64_t kFetchBytesMin = 64U << 10;
constexpr std::uint64_t kFetchBytesMax = 4U << 20;
constexpr std::uint32_t kMovesMax = 8;
constexpr std::string_view kNextGood = "next good offset ";

// The offset a client knows the batch by: compaction may have widened the frame below it.
model::Offset first_offset(const SegmentCursor::Whole& frame) {
  return model::Offset(
      std::max(frame.header.begin.next_offset.value(), load_be<std::int64_t>(frame.payload.data())));
}

}  // namespace

Error data_loss_error(const model::TopicPartition& id, model::Offset from, model::Offset next_good) {
  return {ErrorCode::kDataLoss, "partition " + id.to_string() + " is damaged at offset " +
                                    std::to_string(from.value()) + "; " + std::string(kNextGood) +
                                    std::to_string(next_good.value())};
}

std::optional<model::Offset> next_good_offset(const Error& error) {
  if (error.code != ErrorCode::kDataLoss) return std::nullopt;
  const std::size_t at = error.context.rfind(kNextGood);
  if (at == std::string::npos) return std::nullopt;
  const char* begin = error.context.data() + at + kNextGood.size();
  std::int64_t value = 0;
  if (std::from_chars(begin, error.context.data() + error.context.size(), value).ec != std::errc())
    return std::nullopt;
  return model::Offset(value);
}

LogReads::~LogReads() { FOREBAY_ASSERT(pending_.empty()); }

void LogReads::cancel_all(const Error& error) {
  Pending cancelled = std::exchange(pending_, {});
  for (auto& [number, op] : cancelled) {
    if (op->search)
      op->find_done(error);
    else
      op->read_done(error);
  }
}

void LogReads::cut(model::LogPosition to) {
  std::erase_if(bookmarks_, [&](const Bookmark& bookmark) { return bookmark.start.at > to; });
  std::vector<std::uint64_t> behind;
  for (auto& [number, op] : pending_) {
    op->request.upto = std::min(op->request.upto, to.next_offset);
    if (!op->search && op->request.from > to.next_offset) behind.push_back(number);
  }
  for (const std::uint64_t number : behind) {
    if (Operation* op = pending(number)) {
      fail(*op, {ErrorCode::kOffsetOutOfRange, "the log of " + id_.to_string() + " was cut at offset " +
                                                   std::to_string(to.next_offset.value()) + ", below " +
                                                   std::to_string(op->request.from.value())});
    }
  }
}

void LogReads::read(const ReadRequest& request, ReadResultDone done) {
  auto op = std::make_unique<Operation>();
  op->request = request;
  op->read_done = std::move(done);
  op->at = request.from;
  start(std::move(op));
}

void LogReads::find(const FrameSearch& search, model::Offset from, model::Offset upto, FindDone done) {
  auto op = std::make_unique<Operation>();
  op->search = search;
  op->request = {from, upto, kFetchBytesMin};
  op->find_done = std::move(done);
  op->at = from;
  start(std::move(op));
}

void LogReads::start(std::unique_ptr<Operation> operation) {
  Operation& op = *operation;
  op.number = next_number_++;
  pending_.emplace(op.number, std::move(operation));
  locate(op);
}

LogReads::Operation* LogReads::pending(std::uint64_t number) {
  const auto it = pending_.find(number);
  return it == pending_.end() ? nullptr : it->second.get();
}

std::unique_ptr<LogReads::Operation> LogReads::remove(Operation& op) {
  const auto it = pending_.find(op.number);
  std::unique_ptr<Operation> out = std::move(it->second);
  pending_.erase(it);
  return out;
}

void LogReads::fail(Operation& op, const Error& error) {
  const std::unique_ptr<Operation> removed = remove(op);
  if (removed->search)
    removed->find_done(error);
  else
    removed->read_done(error);
}

// From op.at on: the next segment that may have something, or memory.
void LogReads::locate(Operation& op) {
  op.cursor.reset();
  op.extent.reset();
  for (;;) {
    if (op.at < owner_.log_start().next_offset) {
      if (!op.search) {
        return fail(op, {ErrorCode::kOffsetOutOfRange,
                         "offset " + std::to_string(op.at.value()) + " is below log start"});
      }
      op.at = owner_.log_start().next_offset;
    }
    op.at = owner_.past_accepted(op.at);
    if (const auto good = owner_.damaged_until(op.at)) {
      if (!op.search) return fail(op, data_loss_error(id_, op.at, *good));
      op.at = *good;
      continue;
    }
    if (op.at >= op.request.upto) return finish(op, std::nullopt);
    const auto place = owner_.place_of(op.at);
    if (!place) return finish(op, std::nullopt);
    if (place->segment.meta.begin.next_offset > op.at && !op.search) {
      // No segment covers it, memory does not either: a hole that is nobody's damage yet cannot be.
      return fail(op, {ErrorCode::kInternal, "partition " + id_.to_string() + " has no segment for offset " +
                                                 std::to_string(op.at.value())});
    }
    if (op.search && place->times && !op.search->may_be_in(*place->times)) {
      op.at = std::max(op.at, place->segment.meta.end.next_offset);
      // A segment of control frames alone ends where it begins: step over it by position.
      if (op.at == place->segment.meta.begin.next_offset) return finish(op, std::nullopt);
      continue;
    }
    op.segment = place->segment;
    if (place->active_index != nullptr) return on_index(op.number, *place->active_index);
    break;
  }
  const auto mark = std::find_if(bookmarks_.rbegin(), bookmarks_.rend(), [&op](const Bookmark& bookmark) {
    return bookmark.next == op.at && bookmark.serial == op.segment.serial;
  });
  if (!op.search && mark != bookmarks_.rend()) {
    op.sequential = true;
    const SegmentCursor::Start start = mark->start;
    bookmarks_.erase(std::next(mark).base());
    return begin_walk(op, start);
  }
  // From its beginning on a segment is read without its index, which would have to be made first when the
  // segment was not sealed before a crash.
  if (!op.search && op.at == op.segment.meta.begin.next_offset)
    return begin_walk(op, {0, op.segment.meta.begin});
  store_.index(op.segment, owner_.index_interval_bytes(),
               lifetime_.guard([this, number = op.number,
                                segment = op.segment](Result<SegmentStore::LoadedIndex> loaded) {
                 if (!loaded) return index_failed(number, loaded.error());
                 owner_.on_times(segment.serial, loaded->index->times());
                 for (const auto& damage : loaded->damage) owner_.on_damage(segment, damage);
                 on_index(number, *loaded->index);
               }));
}

void LogReads::index_failed(std::uint64_t number, const Error& error) {
  if (Operation* op = pending(number)) segment_failed(*op, error);
}

void LogReads::on_index(std::uint64_t number, const SegmentIndex& index) {
  Operation* op = pending(number);
  if (op == nullptr) return;
  std::optional<IndexEntry> entry;
  if (op->search) {
    const auto stretch = op->search->stretch_in(index, op->at);
    // The index of the segment that is being written knows frames that only memory has.
    if (!stretch || stretch->begin.file_position >= op->segment.meta.size_bytes) {
      const model::Offset next = op->segment.meta.end.next_offset;
      if (next <= op->at && op->segment.meta.begin.next_offset == next) return finish(*op, std::nullopt);
      op->at = std::max(op->at, next);
      return locate(*op);
    }
    entry = stretch->begin;
    op->look_until = stretch->end;
  } else {
    entry = index.find_offset(op->at);
  }
  if (entry && entry->file_position < op->segment.meta.size_bytes) {
    return begin_walk(*op, {entry->file_position, entry->begin});
  }
  begin_walk(*op, {0, op->segment.meta.begin});
}

void LogReads::begin_walk(Operation& op, SegmentCursor::Start start) {
  op.cursor.emplace(id_, op.segment.meta, start);
  fetch(op, 0);
}

std::uint64_t LogReads::fetch_bytes(const Operation& op) const {
  const std::uint64_t left = op.request.bytes_max - std::min(op.request.bytes_max, op.bytes);
  // Room for headers, a batch that is cut at the end, and the way from the index entry to the frame.
  const std::uint64_t wanted = left + left / 16 + (op.sequential ? 16U << 10 : owner_.index_interval_bytes());
  return io::round_up_to_block(std::clamp(wanted, kFetchBytesMin, kFetchBytesMax));
}

// At least `bytes` from the cursor on.
void LogReads::fetch(Operation& op, std::uint64_t bytes) {
  const std::uint64_t at = op.cursor->position() / io::kBlockBytes * io::kBlockBytes;
  const std::uint64_t needed = io::round_up_to_block(op.cursor->position() - at + bytes);
  const std::uint64_t there = io::round_up_to_block(op.segment.meta.size_bytes - at);
  const std::uint64_t size =
      std::min(std::max(needed, fetch_bytes(op)), std::max(there, std::uint64_t{io::kBlockBytes}));
  extents_.fetch(op.segment, at, static_cast<std::size_t>(size),
                 lifetime_.guard([this, number = op.number](Result<ReadExtents::ExtentPtr> extent) {
                   on_extent(number, std::move(extent));
                 }));
}

void LogReads::on_extent(std::uint64_t number, Result<ReadExtents::ExtentPtr> extent) {
  Operation* op = pending(number);
  if (op == nullptr) return;
  if (!extent) return segment_failed(*op, extent.error());
  op->extent = *std::move(extent);
  // Shorter than the segment should be: the rest is damage.
  const std::uint64_t end = op->extent->file_begin + op->extent->bytes;
  if (op->extent->bytes < op->extent->buffer.size()) op->cursor->file_ends_at(end);
  walk(*op);
}

LogReads::Verdict LogReads::take(Operation& op, const SegmentCursor::Whole& frame) {
  const FrameHeader& header = frame.header;
  if (header.kind != FrameKind::kRecords || header.end.next_offset <= op.at) {
    op.at = std::max(op.at, header.end.next_offset);
    return Verdict::kGoOn;
  }
  if (op.search) {
    if (!op.search->finds(header, frame.payload)) {
      op.at = std::max(op.at, header.end.next_offset);
      if (op.at >= op.request.upto) return Verdict::kStopBefore;
      return op.look_until && op.cursor->position() >= *op.look_until ? Verdict::kElsewhere : Verdict::kGoOn;
    }
    op.at = std::max(op.request.from, first_offset(frame));
    return op.at >= op.request.upto ? Verdict::kStopBefore : Verdict::kEnough;
  }
  if (header.end.next_offset > op.request.upto) return Verdict::kStopBefore;
  if (!op.frames.empty() && op.bytes + frame.payload.size() > op.request.bytes_max)
    return Verdict::kStopBefore;
  const ReadExtents::ExtentPtr& extent = op.extent;
  op.frames.push_back(std::make_shared<const Frame>(
      Frame{header, SharedBytes(extent, frame.payload, extent->buffer.size())}));
  op.bytes += frame.payload.size();
  op.at = header.end.next_offset;
  return op.bytes >= op.request.bytes_max || op.at >= op.request.upto ? Verdict::kEnough : Verdict::kGoOn;
}

void LogReads::walk(Operation& op) {
  for (;;) {
    const std::uint64_t skip = op.cursor->position() - op.extent->file_begin;
    const ByteSpan bytes = std::as_const(op.extent->buffer).span().first(op.extent->bytes);
    const SegmentCursor::Start before{op.cursor->position(), op.cursor->at()};
    const SegmentCursor::Step step = op.cursor->next(skip < bytes.size() ? bytes.subspan(skip) : ByteSpan{});
    if (const auto* frame = std::get_if<SegmentCursor::Whole>(&step)) {
      switch (take(op, *frame)) {
        case Verdict::kGoOn:
          continue;
        case Verdict::kEnough:
          return finish(op, SegmentCursor::Start{op.cursor->position(), op.cursor->at()});
        case Verdict::kStopBefore:
          return finish(op, before);
        case Verdict::kElsewhere:
          return locate(op);
      }
    } else if (const auto* more = std::get_if<SegmentCursor::NeedMore>(&step)) {
      if (!op.frames.empty()) return finish(op, before);
      return fetch(op, more->bytes);
    } else if (const auto* damage = std::get_if<SegmentCursor::Damaged>(&step)) {
      return on_damage(op, *damage);
    } else {
      if (!op.frames.empty()) return finish(op, std::nullopt);
      // On to the next segment; a segment that adds no offset was the last one before memory.
      const model::Offset end = op.segment.meta.end.next_offset;
      const auto place = owner_.place_of(std::max(op.at, end));
      op.at = std::max(op.at, end);
      if (place && place->segment.serial == op.segment.serial) return finish(op, std::nullopt);
      return locate(op);
    }
  }
}

void LogReads::on_damage(Operation& op, const SegmentCursor::Damaged& damage) {
  if (!op.frames.empty())
    return finish(op, std::nullopt);  // what is good first; the next read meets the damage itself
  if (!op.read_again) {
    // Once more from the disk: what a bad transfer garbled is not damage.
    op.read_again = true;
    return locate(op);
  }
  owner_.on_damage(op.segment, damage);
  if (damage.begin.next_offset == damage.end.next_offset || damage.end.next_offset <= op.at) return walk(op);
  if (!op.search) {
    if (damage.begin.next_offset <= op.at)
      return fail(op, data_loss_error(id_, op.at, damage.end.next_offset));
    return walk(op);
  }
  op.at = damage.end.next_offset;
  walk(op);
}

void LogReads::segment_failed(Operation& op, const Error& error) {
  if (error.code == ErrorCode::kNotFound) {
    // Trimmed or replaced while we were on our way, or really missing.
    const auto place = owner_.place_of(op.at);
    if (place && place->segment.serial == op.segment.serial) owner_.on_segment_missing(op.segment);
    if (++op.moves <= kMovesMax) return locate(op);
  }
  fail(op, {ErrorCode::kStorageFailed, "reading partition " + id_.to_string() + ": " + error.context});
}

void LogReads::finish(Operation& op, std::optional<SegmentCursor::Start> bookmark) {
  if (op.search) {
    const std::unique_ptr<Operation> done = remove(op);
    if (bookmark && done->at < done->request.upto) return done->find_done(std::optional(done->at));
    if (done->at >= done->request.upto) return done->find_done(std::optional<model::Offset>());
    return done->find_done(owner_.find_in_memory(*done->search, done->request.from, done->request.upto));
  }
  if (op.frames.empty() && op.at < op.request.upto && !bookmark) {
    // Nothing but control frames on disk: the rest is in memory.
    const std::unique_ptr<Operation> done = remove(op);
    ReadRequest rest = done->request;
    rest.from = done->at;
    return done->read_done(owner_.read_memory(rest));
  }
  if (bookmark && !op.frames.empty()) {
    if (bookmarks_.size() >= kBookmarksMax) bookmarks_.erase(bookmarks_.begin());
    bookmarks_.push_back({op.at, op.segment.serial, *bookmark});
    const std::uint64_t ahead = bookmark->file_position / io::kBlockBytes * io::kBlockBytes;
    // Who reads on where he stopped will probably do so again.
    if (op.sequential && ahead < op.segment.meta.size_bytes) {
      op.bytes = 0;
      const std::uint64_t size =
          std::min(fetch_bytes(op), io::round_up_to_block(op.segment.meta.size_bytes - ahead));
      extents_.fetch_ahead(op.segment, ahead, static_cast<std::size_t>(size));
    }
  }
  const std::unique_ptr<Operation> done = remove(op);
  done->read_done(ReadResult{std::move(done->frames), done->at});
}

}  // namespace forebay::log
