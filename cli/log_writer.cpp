#include "cli/log_writer.h"

#include "cli/command.h"
#include "cli/render/human.h"

namespace skerry::cli {

std::vector<LogWriter::Chunk> LogWriter::render(const v1::ReadLogsResponse& response) {
  std::vector<Chunk> chunks;
  for (const v1::LogEntry& entry : response.entries()) {
    if (chunks.empty() || chunks.back().stream != entry.stream()) {
      chunks.push_back({entry.stream(), ""});
    }
    std::string& text = chunks.back().text;
    bool& inside_line = entry.stream() == v1::LOG_STREAM_STDERR ? inside_error_line_ : inside_line_;
    if (times_ == Times::kShow && !inside_line) text += rfc3339(wall_time(entry.time())) + " ";
    text += entry.data();
    if (!entry.partial()) text += '\n';
    inside_line = entry.partial();
  }
  return chunks;
}

void LogWriter::write(const v1::ReadLogsResponse& response) {
  for (const Chunk& chunk : render(response)) {
    if (chunk.stream == v1::LOG_STREAM_STDERR) {
      print_error(chunk.text);
    } else {
      print(chunk.text);
    }
  }
}

}  // namespace skerry::cli
