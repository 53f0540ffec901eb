#include "sim/lost_history.h"

#include <algorithm>

namespace forebay::sim {

void forget_lost(History& history, const AcceptedLoss& loss) {
  for (SentRecord& record : history.sent) {
    if (record.partition == loss.partition && record.outcome == Outcome::kOk && record.offset >= loss.from &&
        record.finished <= loss.at)
      record.outcome = Outcome::kInfo;
  }
  for (Poll& poll : history.polls) {
    if (poll.partition != loss.partition || poll.finished > loss.at) continue;
    poll.next = std::min(poll.next, std::max(poll.position, loss.from));
    std::erase_if(poll.records, [&loss](const SeenRecord& record) { return record.offset >= loss.from; });
  }
  // Wholly above it: nothing of it is left to be judged.
  std::erase_if(history.polls, [&loss](const Poll& poll) {
    return poll.partition == loss.partition && poll.finished <= loss.at && poll.position >= loss.from;
  });
}

}  // namespace forebay::sim
