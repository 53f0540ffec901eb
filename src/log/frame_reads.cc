#include "log/frame_reads.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "log/core/widened.h"

namespace forebay::log {
namespace {

constexpr std::uint64_t kFetchBytesMin = 64U << 10;
constexpr std::uint64_t kFetchBytesMax = 4U << 20;
constexpr std::uint32_t kMovesMax = 8;

}  // namespace

Error no_frame_error(const model::TopicPartition& id, model::LogPosition from) {
  return {ErrorCode::kNotFound,
          "no frame of partition " + id.to_string() + " begins at " + from.to_string() +
              " (trimmed, cut or compacted): ask from another position, or for the segments"};
}

Error frames_lost_error(const model::TopicPartition& id, model::LogPosition from) {
  return {ErrorCode::kDataLoss, "partition " + id.to_string() + " is damaged at " + from.to_string() +
                                    ": read this range from another replica"};
}

FramePtr first_frame(const FramesRequest& request, model::LogPosition log_start, FramePtr covering) {
  const model::LogPosition begin = covering->header.begin;
  if (begin == request.from) return covering;
  if (begin > request.from) {
    const bool is_trimmed = request.from < log_start && begin <= log_start;
    return is_trimmed && request.first != FirstFrame::kThere ? covering : nullptr;
  }
  if (auto rest = rest_of(*covering, request.from)) return std::make_shared<const Frame>(*std::move(rest));
  return request.first == FirstFrame::kCovering ? covering : nullptr;
}

FrameReads::~FrameReads() { FOREBAY_ASSERT(pending_.empty()); }

void FrameReads::cancel_all(const Error& error) {
  auto cancelled = std::exchange(pending_, {});
  for (auto& [number, op] : cancelled) op->done(error);
}

void FrameReads::cut(model::LogPosition to) {
  std::erase_if(bookmarks_, [&](const Bookmark& bookmark) { return bookmark.start.at > to; });
  std::vector<std::uint64_t> behind;
  for (auto& [number, op] : pending_) {
    op->request.upto = std::min(op->request.upto, to);
    if (op->request.from >= to) behind.push_back(number);
  }
  for (const std::uint64_t number : behind) {
    Operation* op = pending(number);
    if (op == nullptr) continue;
    const model::LogPosition from = op->request.from;
    finish(*op, from == to ? Result(std::vector<FramePtr>()) : no_frame_error(id_, from));
  }
}

void FrameReads::read(const FramesRequest& request, FramesDone done) {
  auto op = std::make_unique<Operation>();
  op->number = next_number_++;
  op->request = request;
  op->done = std::move(done);
  Operation& begun = *op;
  pending_.emplace(begun.number, std::move(op));
  locate(begun);
}

FrameReads::Operation* FrameReads::pending(std::uint64_t number) {
  const auto it = pending_.find(number);
  return it == pending_.end() ? nullptr : it->second.get();
}

void FrameReads::finish(Operation& op, Result<std::vector<FramePtr>> result) {
  const auto it = pending_.find(op.number);
  const std::unique_ptr<Operation> done = std::move(it->second);
  pending_.erase(it);
  done->done(std::move(result));
}

// Also when a segment has vanished under way: what it held may be in another one, or nowhere.
void FrameReads::locate(Operation& op) {
  op.cursor.reset();
  op.extent.reset();
  const model::LogPosition from = std::max(op.request.from, owner_.log_start());
  op.first = from;
  if (owner_.damaged_at(from)) return finish(op, frames_lost_error(id_, from));
  const auto place = owner_.place_at(from);
  if (!place) return finish(op, no_frame_error(id_, from));
  op.segment = place->segment;
  const auto mark = std::find_if(bookmarks_.rbegin(), bookmarks_.rend(), [&](const Bookmark& bookmark) {
    return bookmark.serial == op.segment.serial && bookmark.start.at == from;
  });
  if (mark != bookmarks_.rend()) {
    op.sequential = true;
    const SegmentCursor::Start start = mark->start;
    bookmarks_.erase(std::next(mark).base());
    return begin_walk(op, start);
  }
  if (place->active_index != nullptr) return on_index(op, *place->active_index);
  // From its beginning on a segment is read without its index.
  if (from == op.segment.meta.begin) return begin_walk(op, {0, from});
  store_.index(op.segment, owner_.index_interval_bytes(),
               lifetime_.guard([this, number = op.number,
                                segment = op.segment](Result<SegmentStore::LoadedIndex> loaded) {
                 if (loaded) {
                   owner_.on_times(segment.serial, loaded->index->times());
                   for (const auto& damage : loaded->damage) owner_.on_damage(segment, damage);
                 }
                 Operation* waiting = pending(number);
                 if (waiting == nullptr) return;
                 if (!loaded) return segment_failed(*waiting, loaded.error());
                 on_index(*waiting, *loaded->index);
               }));
}

void FrameReads::on_index(Operation& op, const SegmentIndex& index) {
  const auto entry = index.find_position(op.first);
  // The index of the segment that is being written knows frames that only memory has.
  if (entry && entry->file_position < op.segment.meta.size_bytes) {
    return begin_walk(op, {entry->file_position, entry->begin});
  }
  begin_walk(op, {0, op.segment.meta.begin});
}

void FrameReads::begin_walk(Operation& op, SegmentCursor::Start start) {
  op.cursor.emplace(id_, op.segment.meta, start);
  fetch(op, 0);
}

std::uint64_t FrameReads::fetch_bytes(const Operation& op) const {
  const std::uint64_t wanted =
      op.request.bytes_max + (op.sequential ? io::kBlockBytes : owner_.index_interval_bytes());
  return io::round_up_to_block(std::clamp(wanted, kFetchBytesMin, kFetchBytesMax));
}

// At least `bytes` from the cursor on.
void FrameReads::fetch(Operation& op, std::uint64_t bytes) {
  const std::uint64_t at = op.cursor->position() / io::kBlockBytes * io::kBlockBytes;
  const std::uint64_t needed = io::round_up_to_block(op.cursor->position() - at + bytes);
  const std::uint64_t there = io::round_up_to_block(op.segment.meta.size_bytes - at);
  const std::uint64_t size =
      std::min(std::max(needed, fetch_bytes(op)), std::max(there, std::uint64_t{io::kBlockBytes}));
  extents_.fetch(op.segment, at, static_cast<std::size_t>(size),
                 lifetime_.guard([this, number = op.number](Result<ReadExtents::ExtentPtr> extent) {
                   Operation* waiting = pending(number);
                   if (waiting == nullptr) return;
                   if (!extent) return segment_failed(*waiting, extent.error());
                   waiting->extent = *std::move(extent);
                   // Shorter than the segment should be: the rest is damage.
                   const Extent& got = *waiting->extent;
                   if (got.bytes < got.buffer.size())
                     waiting->cursor->file_ends_at(got.file_begin + got.bytes);
                   walk(*waiting);
                 }));
}

void FrameReads::walk(Operation& op) {
  const FramesRequest& request = op.request;
  for (;;) {
    const std::uint64_t skip = op.cursor->position() - op.extent->file_begin;
    const ByteSpan bytes = std::as_const(op.extent->buffer).span().first(op.extent->bytes);
    const SegmentCursor::Start before{op.cursor->position(), op.cursor->at()};
    const SegmentCursor::Step step = op.cursor->next(skip < bytes.size() ? bytes.subspan(skip) : ByteSpan{});
    if (const auto* whole = std::get_if<SegmentCursor::Whole>(&step)) {
      const FrameHeader& header = whole->header;
      if (header.end <= op.first) continue;
      auto frame = std::make_shared<const Frame>(
          Frame{header, SharedBytes(op.extent, whole->payload, op.extent->buffer.size())});
      if (op.frames.empty()) frame = first_frame(request, owner_.log_start(), std::move(frame));
      if (frame == nullptr) return finish(op, no_frame_error(id_, request.from));
      const std::size_t encoded = kFrameHeaderBytes + whole->payload.size();
      const bool full = !op.frames.empty() && op.bytes + encoded > request.bytes_max;
      if (full || header.end > request.upto) return stop_at(op, before);
      op.frames.push_back(std::move(frame));
      op.bytes += encoded;
    } else if (const auto* more = std::get_if<SegmentCursor::NeedMore>(&step)) {
      if (!op.frames.empty()) return stop_at(op, before);
      return fetch(op, more->bytes);
    } else if (const auto* damage = std::get_if<SegmentCursor::Damaged>(&step)) {
      return on_damage(op, *damage);
    } else {
      if (op.frames.empty()) return finish(op, no_frame_error(id_, request.from));
      return finish(op, std::move(op.frames));
    }
  }
}

void FrameReads::on_damage(Operation& op, const SegmentCursor::Damaged& damage) {
  if (!op.frames.empty()) return finish(op, std::move(op.frames));  // the next read meets the damage itself
  if (!op.read_again) {
    // Once more from the disk: what a bad transfer garbled is not damage.
    op.read_again = true;
    return locate(op);
  }
  owner_.on_damage(op.segment, damage);
  const model::LogPosition from = op.first;
  if (damage.begin <= from && from < damage.end) return finish(op, frames_lost_error(id_, from));
  walk(op);
}

void FrameReads::segment_failed(Operation& op, const Error& error) {
  if (error.code == ErrorCode::kNotFound) {
    // Trimmed, cut or replaced while we were on our way, or really missing.
    const auto place = owner_.place_at(op.first);
    if (place && place->segment.serial == op.segment.serial) owner_.on_segment_missing(op.segment);
    if (++op.moves <= kMovesMax) return locate(op);
  }
  finish(op, Error{ErrorCode::kStorageFailed,
                   "reading frames of partition " + id_.to_string() + ": " + error.context});
}

// Whoever reads on where he stopped will probably do so again.
void FrameReads::stop_at(Operation& op, SegmentCursor::Start next) {
  if (bookmarks_.size() >= kBookmarksMax) bookmarks_.erase(bookmarks_.begin());
  bookmarks_.push_back({op.segment.serial, next});
  const std::uint64_t ahead = next.file_position / io::kBlockBytes * io::kBlockBytes;
  if (op.sequential && ahead < op.segment.meta.size_bytes) {
    const std::uint64_t size =
        std::min(fetch_bytes(op), io::round_up_to_block(op.segment.meta.size_bytes - ahead));
    extents_.fetch_ahead(op.segment, ahead, static_cast<std::size_t>(size));
  }
  finish(op, std::move(op.frames));
}

}  // namespace forebay::log
