// What attached clients and execs need of a container's shim: its output, its terminal.

#include "agent/containers/manager.h"

namespace skerry::agent {
void ContainerManager::get_devpts(Container& container,
                                  std::function<void(Result<UniqueFd>)> done) {
  container.shim_requests.get_devpts(container.shim.get(), std::move(done));
}

void ContainerManager::attach_output(const Uid& uid,
                                     std::function<void(Result<AttachedOutput>)> done) {
  Container* container = find(uid);
  if (container == nullptr) {
    return done(Error(Code::kNotFound, "the container is gone").with_reason("REMOVED"));
  }
  container->shim_requests.attach(container->shim.get(), std::move(done));
}

Result<> ContainerManager::resize(const skerry::v1::ContainerRef& ref, const TerminalSize& size) {
  TRY_ASSIGN(Container * container, find(ref));
  if (!container->spec.terminal.wanted) {
    return Error(Code::kFailedPrecondition, "the container's spec says no terminal")
        .with_reason("NO_TERMINAL");
  }
  if (!is_live(container->state()) || !container->shim) return wrong_state(*container);
  launcher::ResizePacket packet;
  packet.rows = size.rows;
  packet.columns = size.columns;
  return container->shim->send_packet(packet);
}

void ContainerManager::on_change(std::function<void(const Container&)> listener) {
  listeners_.push_back(std::move(listener));
}

}  // namespace skerry::agent
