#include "log/acceptance.h"

#include <utility>

#include "base/assert.h"

namespace forebay::log {

std::string audit_log_path(const std::string& data_dir) { return data_dir + "/audit.log"; }

Result<void> append_audit(io::FileSystem& fs, const std::string& data_dir, const std::string& lines) {
  FOREBAY_ASSERT(lines.ends_with('\n'));
  const std::string path = audit_log_path(data_dir);
  std::string content;
  if (fs.exists(path)) {
    FOREBAY_TRY(content, io::read_file(fs, path));
    if (!content.empty() && !content.ends_with('\n')) content += '\n';  // somebody wrote into it
  }
  content += lines;
  return io::write_file_atomically(fs, path, as_bytes(content));
}

Result<std::vector<Loss>> accept_losses(io::FileSystem& fs, runtime::Rng& rng, RecoveryOptions options,
                                        std::vector<Loss> losses, const std::string& audit_lines) {
  FOREBAY_CHECK(append_audit(fs, options.data_dir, audit_lines));
  options.accept = std::move(losses);
  FOREBAY_TRY(const Recovered recovered, recover(fs, rng, options));
  return losses_of(recovered);
}

}  // namespace forebay::log
