#include <algorithm>
#include <string>
#include <utility>

#include "base/assert.h"
#include "client/batch_content.h"

namespace forebay {
namespace {

std::optional<std::string_view> text_of(const std::optional<ByteSpan>& bytes) {
  if (!bytes) return std::nullopt;
  return as_text(*bytes);
}
std::optional<std::string> copy_of(const std::optional<std::string_view>& text) {
  if (!text) return std::nullopt;
  return std::string(*text);
}

Compression compression_of(model::Codec codec) {
  switch (codec) {
    case model::Codec::kNone:
      return Compression::kNone;
    case model::Codec::kGzip:
      return Compression::kGzip;
    case model::Codec::kSnappy:
      return Compression::kSnappy;
    case model::Codec::kLz4:
      return Compression::kLz4;
    case model::Codec::kZstd:
      return Compression::kZstd;
  }
  return Compression::kNone;
}

}  // namespace

class ConsumedBatch::Cursor::State {
 public:
  explicit State(const Content& content)
      : iterator_(content.header, content.records),
        begin_(content.begin_offset),
        left_(content.record_count) {}

  bool next(RecordView& record) {
    if (left_ == 0) return false;
    do {
      const auto more = iterator_.next(view_);
      FOREBAY_ASSERT(more.has_value() && *more);  // decode() has walked this way before
    } while (view_.offset.value() < begin_);
    --left_;
    headers_.clear();
    for (const model::HeaderView& header : view_.headers)
      headers_.push_back({header.name, text_of(header.value)});
    record.key = text_of(view_.key);
    record.value = text_of(view_.value);
    record.headers = headers_;
    record.event_time_ms = view_.timestamp.value();
    record.offset = view_.offset.value();
    return true;
  }

 private:
  model::RecordIterator iterator_;
  model::RecordView view_;
  std::vector<HeaderView> headers_;
  std::int64_t begin_;
  std::size_t left_;
};

ConsumedBatch::Cursor::Cursor(std::unique_ptr<State> state) : state_(std::move(state)) {}
ConsumedBatch::Cursor::~Cursor() = default;
ConsumedBatch::Cursor::Cursor(Cursor&&) noexcept = default;
bool ConsumedBatch::Cursor::next(RecordView& record) { return state_->next(record); }

ConsumedBatch::ConsumedBatch(std::shared_ptr<const Content> content) : content_(std::move(content)) {}
const std::string& ConsumedBatch::topic() const { return content_->partition.topic; }
std::int32_t ConsumedBatch::partition() const { return content_->partition.partition; }
std::int64_t ConsumedBatch::begin_offset() const { return content_->begin_offset; }
std::int64_t ConsumedBatch::end_offset() const { return content_->end_offset; }
std::int64_t ConsumedBatch::append_time_ms() const { return content_->append_time_ms; }
std::uint64_t ConsumedBatch::term() const { return content_->term; }
std::size_t ConsumedBatch::record_count() const { return content_->record_count; }
std::uint64_t ConsumedBatch::payload_bytes() const { return content_->payload_bytes; }
Compression ConsumedBatch::compression() const { return content_->compression; }
std::size_t ConsumedBatch::stored_bytes() const { return content_->stored.size(); }
ConsumedBatch::Cursor ConsumedBatch::records() const {
  return Cursor(std::make_unique<Cursor::State>(*content_));
}

std::vector<Record> ConsumedBatch::to_records() const {
  std::vector<Record> out;
  out.reserve(record_count());
  Cursor cursor = records();
  RecordView view;
  while (cursor.next(view)) out.push_back(ConsumedBatchAccess::owned(*this, view));
  return out;
}

Record ConsumedBatchAccess::owned(const ConsumedBatch& batch, const RecordView& view) {
  Record record;
  record.key = copy_of(view.key);
  record.value = copy_of(view.value);
  record.headers.reserve(view.headers.size());
  for (const HeaderView& header : view.headers)
    record.headers.push_back({std::string(header.name), copy_of(header.value)});
  record.event_time_ms = view.event_time_ms;
  record.topic = batch.topic();
  record.partition = batch.partition();
  record.offset = view.offset;
  record.append_time_ms = batch.append_time_ms();
  record.term = batch.term();
  return record;
}

Result<ConsumedBatch> ConsumedBatchAccess::decode(const TopicPartition& partition,
                                                  const client::FetchedBatch& fetched,
                                                  std::int64_t begin_offset,
                                                  std::size_t decompressed_bytes_max) {
  FOREBAY_TRY(const auto view, model::RecordBatchView::parse(fetched.bytes.span()));
  auto content = std::make_shared<ConsumedBatch::Content>();
  content->partition = partition;
  content->begin_offset = std::max(begin_offset, fetched.begin_offset);
  content->end_offset = fetched.end_offset;
  content->append_time_ms = fetched.append_time_ms;
  content->term = fetched.term;
  content->stored = fetched.bytes;
  content->header = view.header();
  const auto codec = view.attributes().codec();
  if (!codec)
    return Error{ErrorCode::kUnsupported, "a batch is compressed in a way that this version does not know"};
  content->compression = compression_of(*codec);
  if (view.attributes().is_control())
    return ConsumedBatch(std::move(content));  // markers are not for the application
  std::vector<std::byte> scratch;
  auto records = model::records_of(view, decompressed_bytes_max, scratch);
  if (!records) {
    Error error = std::move(records).error();
    if (error.code == ErrorCode::kRecordTooLarge) error.code = ErrorCode::kCorruptBatch;
    return error;
  }
  content->records = *records;
  if (*codec != model::Codec::kNone) {
    content->decompressed = SharedBytes::take(std::move(scratch));
    content->records = content->decompressed.span();
  }
  model::RecordIterator iterator(content->header, content->records);
  model::RecordView record;
  while (true) {
    FOREBAY_TRY(const bool more, iterator.next(record));
    if (!more) return ConsumedBatch(std::move(content));
    const std::int64_t offset = record.offset.value();
    if (offset < fetched.begin_offset || offset >= fetched.end_offset) {
      return Error{ErrorCode::kCorruptBatch,
                   "a record at offset " + std::to_string(offset) + " in a batch that covers " +
                       std::to_string(fetched.begin_offset) + " to " + std::to_string(fetched.end_offset)};
    }
    if (offset < content->begin_offset) continue;
    ++content->record_count;
    content->payload_bytes +=
        (record.key ? record.key->size() : 0) + (record.value ? record.value->size() : 0);
  }
}

ConsumedBatch ConsumedBatchAccess::from(const ConsumedBatch& batch, std::int64_t begin_offset) {
  if (begin_offset <= batch.begin_offset()) return batch;
  auto content = std::make_shared<ConsumedBatch::Content>(*batch.content_);
  content->begin_offset = begin_offset;
  ConsumedBatch::Cursor cursor = batch.records();
  RecordView record;
  while (cursor.next(record) && record.offset < begin_offset) {
    --content->record_count;
    content->payload_bytes -=
        (record.key ? record.key->size() : 0) + (record.value ? record.value->size() : 0);
  }
  return ConsumedBatch(std::move(content));
}

}  // namespace forebay
