#include "partition/core/time_search.h"

#include <limits>
#include <vector>

#include "model/record_iterator.h"

namespace forebay::partition {

Result<std::optional<model::Offset>> first_offset_at_or_after(ByteSpan batch, model::Timestamp time) {
  FOREBAY_TRY(const auto view, model::RecordBatchView::parse(batch, model::CrcCheck::kSkip));
  std::vector<std::byte> scratch;
  std::optional<model::Offset> found;
  FOREBAY_CHECK(model::for_each_record(view, std::numeric_limits<std::int32_t>::max(), scratch,
                                       [&](const model::RecordView& record) {
                                         if (!found && record.timestamp >= time) found = record.offset;
                                       }));
  return found;
}

}  // namespace forebay::partition
