// The way out of losses that only an operator can decide on: what recovery found lost is written down in the
// data directory's audit log and then marked as accepted. Offline, under the directory's lock; blocking.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "io/file_system.h"
#include "log/recovery.h"

namespace forebay::log {

[[nodiscard]] std::string audit_log_path(const std::string& data_dir);
// Whole lines, each ended by a line feed, go to the end of the audit log: all of them, durably, or none.
[[nodiscard]] Result<void> append_audit(io::FileSystem& fs, const std::string& data_dir,
                                        const std::string& lines);

// `audit_lines` are durable before anything changes. Then `losses`, as find_losses told them, are accepted by
// a recovery under a new boot epoch: a crash leaves the old state or the new one. Returns: what is open
// afterwards.
[[nodiscard]] Result<std::vector<Loss>> accept_losses(io::FileSystem& fs, runtime::Rng& rng,
                                                      RecoveryOptions options, std::vector<Loss> losses,
                                                      const std::string& audit_lines);

}  // namespace forebay::log
