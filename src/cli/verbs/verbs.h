// The verbs, one file per group. Each function appends its commands; a command owns its options' variables
// through the function that runs it.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

namespace forebay::cli {

void add_topic_commands(std::vector<Command>& commands);  // list, describe
void add_topic_change_commands(
    std::vector<Command>& commands);  // create, alter, delete, add-partitions, trim
void add_produce_command(std::vector<Command>& commands);
void add_consume_command(std::vector<Command>& commands);
void add_offsets_command(std::vector<Command>& commands);
void add_producer_commands(std::vector<Command>& commands);  // list, delete
void add_group_commands(std::vector<Command>& commands);     // list, describe, members, ...
void add_group_reset_command(std::vector<Command>& commands);
void add_schema_commands(std::vector<Command>& commands);  // register, get, check, diff, and those below
void add_schema_rules_commands(std::vector<Command>& commands);     // compatibility, mode
void add_schema_subject_commands(std::vector<Command>& commands);   // subject list, describe, delete; usage
void add_schema_transfer_commands(std::vector<Command>& commands);  // export, import
void add_cluster_commands(std::vector<Command>& commands);          // describe, health
void add_partition_commands(std::vector<Command>& commands);        // list
void add_partition_move_commands(std::vector<Command>& commands);   // status, move, cancel, ...
void add_partition_recover_command(std::vector<Command>& commands);
void add_node_commands(std::vector<Command>& commands);       // describe, log-level, move-rate
void add_node_stop_commands(std::vector<Command>& commands);  // drain, undrain, ready-to-stop
void add_node_decommission_command(std::vector<Command>& commands);
void add_health_command(std::vector<Command>& commands);
void add_perf_produce_command(std::vector<Command>& commands);
void add_perf_consume_command(std::vector<Command>& commands);
void add_log_commands(std::vector<Command>& commands);
void add_log_accept_loss_command(std::vector<Command>& commands);
void add_doctor_command(std::vector<Command>& commands);
void add_completion_command(std::vector<Command>& commands);
void add_version_command(std::vector<Command>& commands);
void add_help_command(std::vector<Command>& commands);

// What the verbs have in common that look at files without a daemon.
[[nodiscard]] Command offline_log_command(std::string verb, std::string summary);

// Every command, in the order of the overview.
[[nodiscard]] std::vector<Command> all_commands();

// Names given one by one, or by a regular expression over the topics that exist. `names` must be sorted out
// already: with `pattern` it must be empty.
class Session;
[[nodiscard]] Result<std::vector<std::string>> choose_topics(Session& session,
                                                             const std::vector<std::string>& names,
                                                             const std::optional<std::string>& pattern);

}  // namespace forebay::cli
