// What is lost in a data directory, and accepting it: the library's side of `log accept-loss`. Offline, under
// the directory's lock. Thread rules: one thread; blocking.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/value.h"
#include "log/core/loss.h"

namespace forebay::cli {

// One loss, for people and for the answer.
struct FoundLoss {
  std::string topic;  // its name, or its id when that is not known
  std::string topic_id;
  std::int32_t partition = 0;
  std::string kind;
  std::string what;
  Value begin, end;     // offsets; no end: a lost tail
  std::string refusal;  // why it must not be accepted here; empty: it may be
};

// Puts all that is known of a loss into an object: the answer has it, and the audit log.
void set_loss(Value& object, const FoundLoss& loss);

// What a start would find lost and nobody has accepted: more than the journal says of itself, for what is
// missing may have held more. Changes nothing; whoever calls keeps daemons out. Errors: as
// DirectoryLosses::open.
[[nodiscard]] Result<std::vector<log::Loss>> find_open_losses(const std::string& data_dir);

class DirectoryLosses {
 public:
  // Takes the lock and looks; nothing is changed. Errors: kNotFound (no data directory), kLocked (in use),
  // kFailedPrecondition (of another user), kNewerFormat, kStorageFailed.
  [[nodiscard]] static Result<DirectoryLosses> open(const std::string& data_dir);
  DirectoryLosses(DirectoryLosses&& other) noexcept;
  DirectoryLosses& operator=(DirectoryLosses&&) = delete;
  ~DirectoryLosses();

  [[nodiscard]] const std::vector<FoundLoss>& found() const { return found_; }
  // Accepts those at these indexes of found(): the audit log first, then the journal. Returns: how many
  // losses are open afterwards.
  [[nodiscard]] Result<std::size_t> accept(const std::vector<std::size_t>& chosen);

 private:
  struct Opened;
  explicit DirectoryLosses(std::unique_ptr<Opened> opened);

  std::unique_ptr<Opened> opened_;
  std::vector<FoundLoss> found_;
};

}  // namespace forebay::cli
