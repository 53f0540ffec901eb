#include "cli/verbs/delete_each.h"

#include <utility>

namespace forebay::cli {

ExitCode delete_each(
    Session& session, const DeleteOptions& options, const std::string& noun, const std::string& question,
    const std::function<Result<void>(Admin&, const std::string& name, Validate validate)>& one) {
  auto admin = session.admin();
  if (!admin) return session.fail(admin.error());
  if (!options.dry_run) {
    if (const auto refused = session.confirm(question)) return *refused;
  }
  const std::string did = options.dry_run ? "would delete" : "deleted";
  Value results = Value::array();
  ItemOutcomes outcomes;
  for (const std::string& name : options.names) {
    const auto done = one(**admin, name, options.dry_run ? Validate::kOnly : Validate::kAndApply);
    results.push(Value::object()
                     .set("name", name)
                     .set("status", done ? did : "failed")
                     .set("error", done ? Value() : Value(done.error().to_string())));
    if (!done) {
      outcomes.failed(session.fail_item(name, done.error()));
      continue;
    }
    outcomes.succeeded();
    if (session.is_text()) session.note(did + " " + noun + " " + name);
  }
  if (!session.is_text()) session.print(results, {});
  return outcomes.exit_code();
}

}  // namespace forebay::cli
