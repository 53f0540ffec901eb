#include "partition/core/producer_draft.h"

namespace forebay::partition {

Result<ProducerWriter::Encoded> finish_draft(const ProducerDraft& draft, ByteSpan base) {
  ProducerWriter out;
  const auto add = [&out](const ProducerEntry& entry) {
    if (!entry.second.is_nobody()) out.add(entry.first, entry.second);
  };
  auto changed = draft.changed.begin();
  if (draft.base) {
    FOREBAY_TRY(auto in, ProducerReader::open(base));
    for (;;) {
      FOREBAY_TRY(auto entry, in.next());
      if (!entry) break;
      while (changed != draft.changed.end() && changed->first < entry->first) add(*changed++);
      if (changed != draft.changed.end() && changed->first == entry->first) continue;
      for (const log::ProducersForgotten& forgotten : draft.forgotten) entry->second.forget(forgotten);
      add(*entry);
    }
  }
  while (changed != draft.changed.end()) add(*changed++);
  return out.finish();
}

}  // namespace forebay::partition
