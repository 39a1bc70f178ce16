#include "agent/containers/shim_requests.h"

#include <bit>
#include <cerrno>

namespace skerry::agent {
namespace {

using launcher::ShimMessage;

Error shim_gone() {
  return Error(Code::kUnavailable, "the shim does not answer")
      .with_reason("SHIM_LOST")
      .as_retryable();
}

Error refusal(const ShimReport& report, std::string_view what) {
  return Error::from_errno(report.packet.sys_errno == 0 ? EPROTO : report.packet.sys_errno, what)
      .with_code(Code::kFailedPrecondition)
      .with_reason("SHIM_REFUSED");
}

}  // namespace

void ShimRequests::get_devpts(ShimLink* link, std::function<void(Result<UniqueFd>)> done) {
  if (link == nullptr || !link->send(ShimMessage::kGetDevpts)) return done(shim_gone());
  waiting_.push_back([done = std::move(done)](Result<ShimReport*> answer) {
    if (!answer) return done(std::move(answer).error());
    ShimReport& report = **answer;
    if (report.packet.type != ShimMessage::kDevpts || report.fds.empty()) {
      return done(refusal(report, "get the container's terminals"));
    }
    done(std::move(report.fds.front()));
  });
}

void ShimRequests::attach(ShimLink* link, std::function<void(Result<AttachedOutput>)> done) {
  launcher::AttachPacket packet;
  packet.streams = launcher::kAttachStdout | launcher::kAttachStderr;
  if (link == nullptr || !link->send_packet(packet)) return done(shim_gone());
  waiting_.push_back([done = std::move(done)](Result<ShimReport*> answer) {
    if (!answer) return done(std::move(answer).error());
    ShimReport& report = **answer;
    if (report.packet.type != ShimMessage::kAttached || report.fds.empty()) {
      return done(refusal(report, "attach to the output"));
    }
    const auto attached = std::bit_cast<launcher::AttachedPacket>(report.packet);
    done(AttachedOutput{
        .socket = std::move(report.fds.front()),
        .position = {.file_ns = attached.log_file_ns, .offset = attached.log_offset}});
  });
}

bool ShimRequests::take(ShimReport& report) {
  const ShimMessage type = report.packet.type;
  // A terminal that has gone cannot be resized: no answer to a question.
  const int refused = type == ShimMessage::kRefused ? report.packet.sys_errno : 0;
  if (refused == ENOTTY || refused == EIO) return true;
  const bool answers = type == ShimMessage::kDevpts || type == ShimMessage::kAttached ||
                       type == ShimMessage::kRefused || type == ShimMessage::kUnknown;
  if (!answers || waiting_.empty()) return false;
  const Answer answer = std::move(waiting_.front());
  waiting_.pop_front();
  answer(&report);
  return true;
}

void ShimRequests::fail_all() {
  const std::deque<Answer> waiting = std::exchange(waiting_, {});
  for (const Answer& answer : waiting) answer(shim_gone());
}

}  // namespace skerry::agent
