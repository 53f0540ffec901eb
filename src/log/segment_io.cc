#include "log/segment_io.h"

#include <algorithm>
#include <cstring>

#include "base/assert.h"

namespace forebay::log {

std::string topic_directory(const std::string& data_dir, const model::TopicId& topic) {
  return data_dir + "/topics/" + topic.to_string();
}

std::string partition_directory(const std::string& data_dir, const model::TopicPartition& id) {
  return topic_directory(data_dir, id.topic) + "/" + std::to_string(id.partition.value());
}

std::string segment_path(const std::string& data_dir, const model::TopicPartition& id,
                         const SegmentMeta& segment) {
  return partition_directory(data_dir, id) + "/" + segment_file_name(segment);
}

std::string index_file_name(const SegmentMeta& segment) {
  std::string name = segment_file_name(segment);
  return name.replace(name.size() - 4, 4, ".idx");
}

std::string index_path(const std::string& data_dir, const model::TopicPartition& id,
                       const SegmentMeta& segment) {
  return partition_directory(data_dir, id) + "/" + index_file_name(segment);
}

Result<SegmentWalk> SegmentWalk::open(io::FileSystem& fs, const std::string& data_dir,
                                      const model::TopicPartition& id, const SegmentMeta& segment) {
  FOREBAY_TRY(auto file,
              fs.open(segment_path(data_dir, id, segment), io::OpenMode::kRead, io::Caching::kDirect));
  FOREBAY_TRY(const std::uint64_t size, file->size());
  SegmentCursor cursor(id, segment, {0, segment.begin});
  cursor.file_ends_at(size);
  return SegmentWalk(std::move(file), cursor);
}

Result<SegmentCursor::Step> SegmentWalk::next() {
  for (;;) {
    const std::uint64_t skip = cursor_.position() - buffer_at_;
    const ByteSpan window =
        skip < buffered_ ? std::as_const(buffer_).span().first(buffered_).subspan(skip) : ByteSpan{};
    SegmentCursor::Step step = cursor_.next(window);
    const auto* more = std::get_if<SegmentCursor::NeedMore>(&step);
    if (more == nullptr) return step;
    FOREBAY_CHECK(fill(more->bytes));
  }
}

// Afterwards the buffer holds at least `bytes` from the cursor's position on, or all there is.
Result<void> SegmentWalk::fill(std::uint64_t bytes) {
  const std::uint64_t at = cursor_.position() / io::kBlockBytes * io::kBlockBytes;
  const std::size_t wanted = std::max<std::size_t>(
      kWindowBytes, static_cast<std::size_t>(io::round_up_to_block(cursor_.position() - at + bytes)));
  if (buffer_.size() < wanted) buffer_ = io::AlignedBuffer(wanted);
  FOREBAY_TRY(const std::size_t got, file_->read_now(at, buffer_.span()));
  buffer_at_ = at;
  buffered_ = got;
  if (at + got < cursor_.position() + bytes)
    cursor_.file_ends_at(at + got);  // shorter than it was when opened
  return {};
}

Result<SegmentScan> scan_segment(io::FileSystem& fs, const std::string& data_dir,
                                 const model::TopicPartition& id, const SegmentMeta& segment,
                                 std::uint32_t index_interval_bytes) {
  FOREBAY_TRY(SegmentWalk walk, SegmentWalk::open(fs, data_dir, id, segment));
  SegmentScan scan{SegmentIndex(index_interval_bytes), {}};
  for (;;) {
    FOREBAY_TRY(const SegmentCursor::Step step, walk.next());
    if (std::holds_alternative<SegmentCursor::Finished>(step)) return scan;
    if (const auto* damaged = std::get_if<SegmentCursor::Damaged>(&step)) {
      scan.damage.push_back(*damaged);
    } else if (const auto* whole = std::get_if<SegmentCursor::Whole>(&step)) {
      scan.index.add(whole->header, frame_facts(whole->header, whole->payload), whole->file_position);
    }
  }
}

Result<std::uint64_t> write_index(io::FileSystem& fs, const std::string& data_dir,
                                  const model::TopicPartition& id, const SegmentMeta& segment,
                                  const SegmentIndex& index) {
  const std::string path = index_path(data_dir, id, segment);
  const std::vector<std::byte> bytes = encode_index(id, segment, index);
  if (auto removed = fs.remove_file(path); !removed && removed.error().code != ErrorCode::kNotFound) {
    return std::move(removed).error();
  }
  FOREBAY_TRY(auto file, fs.open(path, io::OpenMode::kCreate, io::Caching::kBuffered));
  FOREBAY_CHECK(file->write_now(0, bytes));
  return bytes.size();
}

Result<SegmentIndex> read_index(io::FileSystem& fs, const std::string& data_dir,
                                const model::TopicPartition& id, const SegmentMeta& segment) {
  FOREBAY_TRY(const std::string text, io::read_file(fs, index_path(data_dir, id, segment)));
  return decode_index(as_bytes(text), id, segment);
}

Result<SegmentScan> load_index(io::FileSystem& fs, const std::string& data_dir,
                               const model::TopicPartition& id, const SegmentMeta& segment,
                               std::uint32_t index_interval_bytes) {
  if (auto index = read_index(fs, data_dir, id, segment)) return SegmentScan{*std::move(index), {}};
  FOREBAY_TRY(SegmentScan scan, scan_segment(fs, data_dir, id, segment, index_interval_bytes));
  // Without the file the next start scans again; that is all that a failure costs. Of a damaged segment none
  // is written: the next start must find the damage too, and the file may come back.
  if (scan.damage.empty()) static_cast<void>(write_index(fs, data_dir, id, segment, scan.index));
  return scan;
}

}  // namespace forebay::log
