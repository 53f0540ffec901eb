#include "log/sealed_file.h"

#include <utility>

#include "log/core/segment_layout.h"
#include "log/segment_io.h"

namespace forebay::log {
namespace {

constexpr std::uint64_t kPieceBytes = 1U << 20;  // written at once

}  // namespace

Result<void> SealedFile::create() {
  const std::string path = segment_path(data_dir_, id_, meta_);
  if (fs_.exists(path)) FOREBAY_CHECK(fs_.remove_file(path));  // of an attempt that came to nothing
  FOREBAY_TRY(file_, fs_.open(path, io::OpenMode::kCreate, io::Caching::kDirect));
  return {};
}

Result<void> SealedFile::add(Frame frame) {
  index_.add(frame.header, frame_facts(frame.header, frame.payload.span()),
             meta_.size_bytes + pending_bytes_);
  pending_bytes_ += frame.encoded_bytes();
  pending_.push_back(std::make_shared<const Frame>(std::move(frame)));
  return pending_bytes_ >= kPieceBytes ? write_piece() : Result<void>();
}

Result<void> SealedFile::write_piece() {
  if (pending_.empty()) return {};
  const std::uint64_t bytes = piece_bytes(pending_);
  io::AlignedBuffer buffer(static_cast<std::size_t>(bytes));
  encode_piece(pending_, buffer.span());
  FOREBAY_CHECK(file_->write_now(meta_.size_bytes, std::as_const(buffer).span()));
  meta_.size_bytes += bytes;
  pending_.clear();
  pending_bytes_ = 0;
  return {};
}

Result<SealedSegment> SealedFile::finish() {
  FOREBAY_CHECK(write_piece());
  FOREBAY_CHECK(file_->sync_now());
  FOREBAY_CHECK(fs_.sync_directory(partition_directory(data_dir_, id_)));
  const auto index_bytes = write_index(fs_, data_dir_, id_, meta_, index_);
  return SealedSegment{meta_, index_.times(), meta_.size_bytes + index_bytes.value_or(0)};
}

void SealedFile::discard() {
  file_.reset();
  static_cast<void>(
      fs_.remove_file(segment_path(data_dir_, id_, meta_)));  // else the next start tidies it away
}

}  // namespace forebay::log
