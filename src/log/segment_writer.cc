#include "log/segment_writer.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "log/core/segment_layout.h"
#include "log/segment_io.h"

namespace forebay::log {
namespace {

constexpr std::uint64_t kFirstAllocation = 64U << 10;
constexpr std::uint64_t kGrowStepMax = 16U << 20;
constexpr std::uint64_t kSyncBytesMax = 16U << 20;  // unsynced bytes that are worth a sync by themselves
constexpr runtime::Duration kDiskFullPause = std::chrono::seconds(1);
constexpr runtime::Duration kFailedPause = std::chrono::seconds(5);
constexpr runtime::Duration kIdleClose = std::chrono::seconds(30);

std::uint64_t piece_bytes_max(const ShardLogsConfig& config) {
  return std::uint64_t{config.segment_write_bytes} * 2;
}

std::uint64_t sync_bytes(const ShardLogsConfig& config) {
  return std::clamp<std::uint64_t>(config.pinned_bytes_max / 8, config.segment_write_bytes, kSyncBytesMax);
}

// Reserves `wanted`, or at least `needed` where the disk has no more.
Result<std::uint64_t> allocate(io::File& file, std::uint64_t needed, std::uint64_t wanted) {
  auto result = file.allocate(wanted);
  if (result) return wanted;
  if (result.error().code != ErrorCode::kDiskFull || wanted == needed) return std::move(result).error();
  FOREBAY_CHECK(file.allocate(needed));
  return needed;
}

struct Created {
  std::shared_ptr<io::File> file;
  std::uint64_t allocated = 0;
};

enum class FolderNames : bool { kSynced, kUnknown };

// Makes the partition's folder, with its name and those above it on stable storage. One that is there already
// may be the work of a process that was killed before it could sync the name.
Result<void> make_folder(io::FileSystem& fs, const std::string& data_dir, const model::TopicPartition& id,
                         FolderNames names) {
  const std::string folder = partition_directory(data_dir, id);
  FOREBAY_CHECK(fs.create_directories(folder));
  if (names == FolderNames::kSynced) return {};
  for (std::string at = folder; at != data_dir;) {
    at.resize(at.rfind('/'));
    FOREBAY_CHECK(fs.sync_directory(at));
  }
  return {};
}

// A new file is on stable storage, name and all, before anything relies on it.
Result<Created> create_file(io::FileSystem& fs, const std::string& directory, const std::string& path,
                            std::uint64_t needed) {
  FOREBAY_TRY(std::shared_ptr<io::File> file, fs.open(path, io::OpenMode::kCreate, io::Caching::kDirect));
  auto allocated = allocate(*file, needed, std::max(needed, kFirstAllocation));
  Result<void> result = allocated ? fs.sync_directory(directory) : Result<void>(allocated.error());
  if (!result) {
    static_cast<void>(fs.remove_file(path));  // best effort: an empty file that nothing names
    return std::move(result).error();
  }
  return Created{std::move(file), *allocated};
}

}  // namespace

void WriteSlots::request(SegmentWriter& writer, Order order) {
  if (order == Order::kFirst)
    waiting_.push_front(&writer);
  else
    waiting_.push_back(&writer);
  grant();
}

void WriteSlots::withdraw(SegmentWriter& writer) { std::erase(waiting_, &writer); }

void WriteSlots::release() {
  ++free_;
  grant();
}

void WriteSlots::grant() {
  if (granting_) return;  // a writer that finds nothing to do releases at once
  granting_ = true;
  while (free_ > 0 && !waiting_.empty()) {
    SegmentWriter* writer = waiting_.front();
    waiting_.pop_front();
    --free_;
    writer->run();
  }
  granting_ = false;
}

io::AlignedBuffer WriteSlots::take_buffer(std::size_t bytes) {
  for (auto it = buffers_.begin(); it != buffers_.end(); ++it) {
    if (it->size() < bytes) continue;
    io::AlignedBuffer buffer = std::move(*it);
    buffers_.erase(it);
    return buffer;
  }
  return io::AlignedBuffer(bytes);
}

void WriteSlots::give_back(io::AlignedBuffer buffer) {
  if (buffers_.size() < kKeptBuffersMax) buffers_.push_back(std::move(buffer));
}

SegmentWriter::SegmentWriter(LogEnvironment& environment, WriteSlots& slots, SegmentWriterOwner& owner,
                             const model::TopicPartition& id, LogMemory& memory)
    : env_(environment), slots_(slots), owner_(owner), id_(id), memory_(memory) {}

SegmentWriter::~SegmentWriter() {
  slots_.withdraw(*this);
  if (resting_) env_.executor.cancel(timer_);
  if (busy_) slots_.release();
}

std::optional<std::uint64_t> SegmentWriter::active_serial() const {
  if (!active_ || active_->dropped) return std::nullopt;
  return active_->segment.serial;
}

const SegmentIndex* SegmentWriter::active_index() const { return active_ ? &active_->index : nullptr; }

void SegmentWriter::durable_before(LogMemory::Number number) {
  for (; durable_ < number; ++durable_) unwritten_bytes_ += memory_.frame(durable_)->encoded_bytes();
  if (unwritten_bytes_ >= env_.config.segment_write_bytes || demand_ || roll_at_) poke();
}

void SegmentWriter::demand(model::LogPosition upto) {
  if (!demand_ || *demand_ < upto) demand_ = upto;
  settle_demand();
  poke();
}

void SegmentWriter::roll(model::LogPosition at) {
  roll_at_ = at;
  demand(at);
}

void SegmentWriter::on_trimmed() {
  written_ = std::max(written_, memory_.begin());
  durable_ = std::max(durable_, memory_.begin());
  count_unwritten();
  settle_demand();
  poke();
}

void SegmentWriter::cut(model::LogPosition to) {
  written_ = std::min(written_, memory_.end());
  durable_ = std::min(durable_, memory_.end());
  if (roll_at_) roll_at_ = std::min(*roll_at_, to);
  if (demand_) demand_ = std::min(*demand_, to);
  generation_floor_ = highest_generation_ + 1;
  if (creating_ && *creating_ > to) creating_.reset();
  if (active_ && !active_->dropped && std::max(active_->written_end, writing_end_.value_or(to)) > to) {
    // What was written of frames below the cut and not flushed is still pinned: it goes to the next file.
    written_ = std::max(memory_.pinned_begin(), memory_.begin());
    drop_active();
  }
  count_unwritten();
  settle_demand();
  poke();
}

void SegmentWriter::start_over() {
  FOREBAY_ASSERT(memory_.empty());
  creating_.reset();
  roll_at_.reset();
  if (active_ && !active_->dropped) drop_active();
  cut({});
}

void SegmentWriter::count_unwritten() {
  unwritten_bytes_ = 0;
  for (LogMemory::Number n = written_; n < durable_; ++n)
    unwritten_bytes_ += memory_.frame(n)->encoded_bytes();
}

void SegmentWriter::drop_active() {
  if (!active_) return;
  if (busy_) {
    active_->dropped = true;
  } else {
    active_.reset();
    must_seal_ = false;
  }
}

// A demand is met when everything below it is flushed: then nothing pinned begins below it.
void SegmentWriter::settle_demand() {
  const LogMemory::Number first = memory_.pinned_begin();
  const bool met = first == memory_.end() || (demand_ && memory_.frame(first)->header.begin >= *demand_);
  if (met) demand_.reset();
  if (roll_at_ && first == memory_.end() && !active_) roll_at_.reset();
}

bool SegmentWriter::wants_write() const {
  if (written_ >= durable_) return false;
  return unwritten_bytes_ >= env_.config.segment_write_bytes ||
         demanded_beyond(memory_.frame(written_)->header.begin);
}

bool SegmentWriter::wants_sync() const {
  if (!active_ || active_->unsynced() == 0) return false;
  return must_seal_ || active_->unsynced() >= sync_bytes(env_.config) ||
         demanded_beyond(active_->segment.meta.end);
}

SegmentWriter::Piece SegmentWriter::plan_piece() {
  Piece piece{written_, written_, 0};
  // Copies: the piece is judged as if its first frames were in the file already.
  SegmentTimes times = active_ ? active_->times() : SegmentTimes{};
  std::uint64_t file_bytes = active_ ? active_->written_bytes : 0;
  std::optional<model::LogPosition> at;
  if (active_) at = active_->written_end;
  for (LogMemory::Number n = written_; n < durable_; ++n) {
    const Frame& frame = *memory_.frame(n);
    const std::uint64_t bytes = frame.encoded_bytes();
    if (n != piece.begin && piece.bytes + bytes > piece_bytes_max(env_.config)) break;
    const bool hole = at && *at != frame.header.begin;
    const bool asked = roll_at_ && frame.header.begin >= *roll_at_;
    const bool full = frame.header.kind == FrameKind::kRecords &&
                      rolls_before(owner_.config(), times, file_bytes, bytes, frame.header.append_time);
    if ((hole || asked || full) && (active_ || n != piece.begin)) {
      if (n == piece.begin) must_seal_ = true;
      break;
    }
    if (asked) roll_at_.reset();  // no file is open: this frame begins one
    if (frame.header.kind == FrameKind::kRecords && !times.has_records) {
      times.has_records = true;
      times.first_append = frame.header.append_time;
    }
    file_bytes += bytes;
    piece.bytes += bytes;
    piece.end = n + 1;
    at = frame.header.end;
  }
  return piece;
}

SegmentWriter::Step SegmentWriter::plan() {
  // The roll is due as soon as everything before it is written.
  if (active_ && roll_at_ && active_->written_end >= *roll_at_) {
    must_seal_ = true;
    roll_at_.reset();
  }
  if (!must_seal_ && wants_write()) {
    piece_ = plan_piece();
    if (!must_seal_) {
      if (!active_) return Step::kCreate;
      if (active_->file == nullptr) return Step::kReopen;
      const std::uint64_t after = active_->written_bytes + round_up_to_segment_block(piece_.bytes);
      return after > active_->allocated_bytes ? Step::kGrow : Step::kWrite;
    }
  }
  if (wants_sync()) return Step::kSync;
  if (must_seal_ && active_) return Step::kSeal;
  return Step::kNone;
}

void SegmentWriter::poke() {
  if (waiting_ || busy_ || resting_ || closing_ || plan() == Step::kNone) return;
  waiting_ = true;
  slots_.request(*this, demand_ ? WriteSlots::Order::kFirst : WriteSlots::Order::kLast);
}

void SegmentWriter::run() {
  waiting_ = false;
  busy_ = true;
  const Step step = plan();
  if (step != Step::kWrite) return take(step);
  // A task of its own: the copies of several logs in one go would keep the journal waiting.
  env_.executor.post(lifetime_.guard([this] { take(active_ && active_->dropped ? Step::kNone : plan()); }));
}

void SegmentWriter::take(Step step) {
  switch (step) {
    case Step::kNone:
      return step_done();
    case Step::kCreate:
      return create();
    case Step::kReopen:
      return reopen();
    case Step::kGrow:
      return grow();
    case Step::kWrite:
      return write();
    case Step::kSync:
      return sync();
    case Step::kSeal:
      return seal();
  }
}

void SegmentWriter::step_done() {
  busy_ = false;
  if (active_ && active_->dropped) {
    active_.reset();
    must_seal_ = false;
  }
  if (active_) active_->used = env_.executor.now();
  settle_demand();
  slots_.release();
  poke();
}

void SegmentWriter::create() {
  SegmentRef segment{env_.next_serial++, id_, {}};
  SegmentMeta& meta = segment.meta;
  meta.begin = meta.end = memory_.frame(piece_.begin)->header.begin;
  meta.boot_epoch = env_.epoch;
  std::uint32_t retries = generation_floor_;
  if (had_file_ && last_begin_ == meta.begin) retries = std::max(retries, last_generation_ + 1);
  meta.generation = retries == 0 ? 0 : kRetriedFile | retries;
  creating_ = meta.begin;
  env_.run_blocking(
      lifetime_,
      [&fs = env_.fs, data_dir = env_.config.data_dir, id = id_, meta,
       names = folder_synced_ ? FolderNames::kSynced : FolderNames::kUnknown,
       needed = round_up_to_segment_block(piece_.bytes)]() -> Result<Created> {
        FOREBAY_CHECK(make_folder(fs, data_dir, id, names));
        return create_file(fs, partition_directory(data_dir, id), segment_path(data_dir, id, meta), needed);
      },
      [this, segment](Result<Created> created) {
        folder_synced_ = folder_synced_ || created.has_value();
        // Where there was no space the name is free; else nobody knows.
        if (created || created.error().code != ErrorCode::kDiskFull) {
          had_file_ = true;
          last_begin_ = segment.meta.begin;
          last_generation_ = segment.meta.generation & ~kRetriedFile;
          highest_generation_ = std::max(highest_generation_, last_generation_);
        }
        const bool wanted = std::exchange(creating_, std::nullopt).has_value();
        if (!created) return step_failed(created.error(), true);
        active_.emplace(Active{segment, created->file, created->allocated, 0, segment.meta.begin,
                               SegmentIndex(owner_.config().index_interval_bytes), env_.executor.now(),
                               false});
        owner_.on_segment_opened(segment, created->allocated);
        if (!wanted) abandon_active();  // the log was cut below it meanwhile
        step_done();
      });
}

void SegmentWriter::reopen() {
  env_.run_blocking(
      lifetime_,
      [&fs = env_.fs, path = segment_path(env_.config.data_dir, id_, active_->segment.meta)] {
        return fs.open(path, io::OpenMode::kReadWrite, io::Caching::kDirect);
      },
      [this](Result<std::unique_ptr<io::File>> opened) {
        if (!opened) return step_failed(opened.error(), true);
        active_->file = *std::move(opened);
        step_done();
      });
}

void SegmentWriter::grow() {
  const std::uint64_t needed = active_->written_bytes + round_up_to_segment_block(piece_.bytes);
  const std::uint64_t step = std::clamp(active_->allocated_bytes, kFirstAllocation, kGrowStepMax);
  // Past the size at which it is sealed there is nothing to reserve for.
  const std::uint64_t useful = round_up_to_segment_block(roll_bytes(owner_.config())) + kSegmentBlockBytes;
  const std::uint64_t wanted = std::max(needed, std::min(active_->allocated_bytes + step, useful));
  env_.run_blocking(
      lifetime_, [file = active_->file, needed, wanted] { return allocate(*file, needed, wanted); },
      [this](Result<std::uint64_t> allocated) {
        if (!allocated) return step_failed(allocated.error(), allocated.error().code != ErrorCode::kDiskFull);
        active_->allocated_bytes = *allocated;
        if (!active_->dropped) owner_.on_segment_disk_bytes(active_->segment.serial, *allocated);
        step_done();
      });
}

void SegmentWriter::write() {
  const std::size_t bytes = static_cast<std::size_t>(round_up_to_segment_block(piece_.bytes));
  auto buffer = std::make_shared<io::AlignedBuffer>(slots_.take_buffer(bytes));
  const std::span<std::byte> into = buffer->span().first(bytes);
  std::fill(into.end() - static_cast<std::ptrdiff_t>(kSegmentBlockBytes), into.end(), std::byte{0});
  std::vector<FramePtr> frames;
  frames.reserve(static_cast<std::size_t>(piece_.end - piece_.begin));
  std::uint64_t at = active_->written_bytes;
  for (LogMemory::Number n = piece_.begin; n < piece_.end; ++n) {
    const FramePtr& frame = memory_.frame(n);
    active_->index.add(frame->header, frame_facts(frame->header, frame->payload.span()), at);
    at += frame->encoded_bytes();
    frames.push_back(frame);
  }
  encode_piece(frames, into);
  const model::LogPosition end = frames.back()->header.end;
  unwritten_bytes_ -= piece_.bytes;
  written_ = piece_.end;
  writing_end_ = end;
  env_.stats.segment_bytes_written += bytes;
  active_->file->write(active_->written_bytes, into, io::WriteMode::kPlain,
                       lifetime_.guard([this, buffer, end, bytes](Result<void> written) {
                         slots_.give_back(std::move(*buffer));
                         writing_end_.reset();
                         if (!written) return step_failed(written.error(), true);
                         active_->written_bytes += bytes;
                         active_->written_end = end;
                         step_done();
                       }));
}

void SegmentWriter::sync() {
  ++env_.stats.segment_syncs;
  active_->file->sync(lifetime_.guard(
      [this, end = active_->written_end, bytes = active_->written_bytes](Result<void> synced) {
        if (!synced) return step_failed(synced.error(), true);
        failures_ = 0;
        active_->segment.meta.end = end;
        active_->segment.meta.size_bytes = bytes;
        if (!active_->dropped) owner_.on_segment_flushed(active_->segment);
        step_done();
      }));
}

// Gives back the space that was reserved beyond the end, and writes the index. Neither is needed for
// correctness.
void SegmentWriter::seal() {
  if (active_->segment.meta.end == active_->segment.meta.begin) {  // what was meant for it has been trimmed
    abandon_active();
    return step_done();
  }
  const SegmentRef segment = active_->segment;
  auto index = std::make_shared<const SegmentIndex>(std::move(active_->index));
  std::shared_ptr<io::File> file = std::move(active_->file);
  active_.reset();
  must_seal_ = false;
  owner_.on_segment_sealed(segment.serial, index);
  env_.run_blocking(
      lifetime_,
      [&fs = env_.fs, data_dir = env_.config.data_dir, segment, index,
       file]() -> std::optional<std::uint64_t> {
        std::shared_ptr<io::File> open = file;
        if (open == nullptr) {
          auto opened = fs.open(segment_path(data_dir, segment.id, segment.meta), io::OpenMode::kReadWrite,
                                io::Caching::kDirect);
          if (opened) open = *std::move(opened);
        }
        const bool cut = open != nullptr && open->truncate(segment.meta.size_bytes).has_value();
        const auto written = write_index(fs, data_dir, segment.id, segment.meta, *index);
        if (!cut) return std::nullopt;
        return segment.meta.size_bytes + written.value_or(0);
      },
      [this, serial = segment.serial](std::optional<std::uint64_t> disk_bytes) {
        if (disk_bytes) owner_.on_segment_disk_bytes(serial, *disk_bytes);
      });
  step_done();
}

// After a failed write or sync nobody knows what the file holds behind its flushed end: it is never written
// again, and what is not flushed goes to a new file from memory, where it is still pinned.
void SegmentWriter::step_failed(const Error& error, bool file_is_suspect) {
  const bool full = error.code == ErrorCode::kDiskFull;
  if (file_is_suspect) abandon_active();
  if (!full) ++env_.stats.segment_write_errors;
  if (!full && ++failures_ == 2) owner_.on_segment_writes_failed(error);
  if (full || failures_ >= 2) {
    resting_ = true;
    timer_ = env_.executor.schedule_after(full ? kDiskFullPause : kFailedPause, [this] {
      resting_ = false;
      poke();
    });
  }
  step_done();
}

void SegmentWriter::abandon_active() {
  written_ = std::max(memory_.pinned_begin(), memory_.begin());
  count_unwritten();
  must_seal_ = false;
  if (!active_) return;
  const SegmentRef segment = active_->segment;
  const bool dropped = active_->dropped;
  active_.reset();
  if (dropped) return;
  if (segment.meta.end > segment.meta.begin) {
    owner_.on_segment_sealed(segment.serial, nullptr);  // good up to its flushed end
  } else {
    owner_.on_segment_abandoned(segment.serial);
  }
}

void SegmentWriter::close_if_idle() {
  if (!active_ || busy_ || waiting_ || closing_ || active_->file == nullptr || active_->unsynced() > 0)
    return;
  if (env_.executor.now() - active_->used < kIdleClose) return;
  std::shared_ptr<io::File> file = std::exchange(active_->file, nullptr);
  const std::uint64_t size = active_->segment.meta.size_bytes;
  active_->allocated_bytes = size;
  closing_ = true;  // nothing may be written before the file is cut
  env_.run_blocking(
      lifetime_, [file, size] { return file->truncate(size); },
      [this, serial = active_->segment.serial, size](const Result<void>& cut) {
        closing_ = false;
        if (cut) owner_.on_segment_disk_bytes(serial, size);
        poke();
      });
}

}  // namespace forebay::log
