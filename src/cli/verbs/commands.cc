#include "cli/verbs/verbs.h"

namespace forebay::cli {

std::vector<Command> all_commands() {
  std::vector<Command> commands;
  add_topic_change_commands(commands);
  add_topic_commands(commands);
  add_produce_command(commands);
  add_consume_command(commands);
  add_offsets_command(commands);
  add_producer_commands(commands);
  add_group_commands(commands);
  add_schema_commands(commands);
  add_cluster_commands(commands);
  add_partition_commands(commands);
  add_partition_move_commands(commands);
  add_partition_recover_command(commands);
  add_node_commands(commands);
  add_node_stop_commands(commands);
  add_node_decommission_command(commands);
  add_health_command(commands);
  add_perf_produce_command(commands);
  add_perf_consume_command(commands);
  add_log_commands(commands);
  add_log_accept_loss_command(commands);
  add_doctor_command(commands);
  add_completion_command(commands);
  add_version_command(commands);
  add_help_command(commands);
  return commands;
}

}  // namespace forebay::cli
