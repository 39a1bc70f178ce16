#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "floor.h"

static bool has_word(const char* list, const char* word) {
  const size_t length = strlen(word);
  for (const char* at = list; (at = strstr(at, word)) != NULL; at += length) {
    const bool starts = at == list || at[-1] == ',';
    if (starts && (at[length] == ',' || at[length] == '\0')) return true;
  }
  return false;
}

static void write_at(int directory, const char* path, const char* value) {
  const int fd = openat(directory, path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) fail("open", path);
  const ssize_t size = (ssize_t)strlen(value);
  if (write(fd, value, (size_t)size) != size) fail("write", path);
  close(fd);
}

static void read_at(int directory, const char* path, char* value, size_t size) {
  const int fd = openat(directory, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail("open", path);
  const ssize_t got = read(fd, value, size - 1);
  if (got < 0) fail("read", path);
  value[got] = '\0';
  value[strcspn(value, "\n")] = '\0';
  close(fd);
}

static void set(const struct hierarchy* in, const char* name, const char* file, const char* value) {
  char path[2 * kNameSize];
  (void)snprintf(path, sizeof path, "%s/%s", name, file);
  write_at(in->parent_fd, path, value);
}

// Keeps the controllers and the name of a v1 mount's options; "rw", "xattr" and the rest are
// refused or ignored by a second mount.
static void keep_controllers(struct hierarchy* hierarchy, char* options) {
  static const char* const kKnown =
      "cpu,cpuacct,cpuset,memory,devices,freezer,blkio,pids,net_cls,net_prio,perf_event,hugetlb,"
      "rdma,misc,debug";
  char* rest = NULL;
  for (char* word = strtok_r(options, ",\n", &rest); word != NULL;
       word = strtok_r(NULL, ",\n", &rest)) {
    if (!has_word(kKnown, word) && strncmp(word, "name=", 5) != 0) continue;
    const size_t used = strlen(hierarchy->controllers);
    (void)snprintf(hierarchy->controllers + used,
                   sizeof hierarchy->controllers - used,
                   "%s%s",
                   used > 0 ? "," : "",
                   word);
  }
}

static void open_hierarchy(struct cgroups* all,
                           const char* mount_point,
                           const char* type,
                           char* options) {
  const bool unified = strcmp(type, "cgroup2") == 0;
  if (!unified && all->v1_count == kMaxHierarchies) return;
  struct hierarchy* hierarchy = unified ? &all->unified : &all->v1[all->v1_count++];
  (void)snprintf(hierarchy->name, sizeof hierarchy->name, "%s", strrchr(mount_point, '/') + 1);
  if (!unified) keep_controllers(hierarchy, options);
  hierarchy->root_fd = open(mount_point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (hierarchy->root_fd < 0) fail("open", mount_point);
}

static void find_hierarchies(struct cgroups* all) {
  FILE* mounts = fopen("/proc/self/mountinfo", "re");
  if (mounts == NULL) fail("open", "/proc/self/mountinfo");
  char line[4096];
  while (fgets(line, sizeof line, mounts) != NULL) {
    char mount_point[256];
    char type[32];
    char options[1024];
    const char* tail = strstr(line, " - ");
    if (tail == NULL || sscanf(line, "%*s %*s %*s %*s %255s", mount_point) != 1) continue;
    if (sscanf(tail, " - %31s %*s %1023s", type, options) != 2) continue;
    if (strcmp(type, "cgroup") == 0 || strcmp(type, "cgroup2") == 0) {
      open_hierarchy(all, mount_point, type, options);
    }
  }
  (void)fclose(mounts);
}

static void make_own(struct cgroups* all, struct hierarchy* hierarchy) {
  if (mkdirat(hierarchy->root_fd, all->own_name, 0755) != 0) fail("mkdir cgroup", hierarchy->name);
  hierarchy->parent_fd =
      openat(hierarchy->root_fd, all->own_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (hierarchy->parent_fd < 0) fail("open cgroup", hierarchy->name);
  if (!has_word(hierarchy->controllers, "cpuset")) return;
  read_at(hierarchy->root_fd, "cpuset.cpus", all->cpus, sizeof all->cpus);
  read_at(hierarchy->root_fd, "cpuset.mems", all->mems, sizeof all->mems);
  write_at(hierarchy->parent_fd, "cpuset.cpus", all->cpus);
  write_at(hierarchy->parent_fd, "cpuset.mems", all->mems);
}

void cgroups_open(struct cgroups* all) {
  *all = (struct cgroups){.unified = {.root_fd = -1, .parent_fd = -1}, .device_program = -1};
  (void)snprintf(all->own_name, sizeof all->own_name, "skerry-floor-%d", (int)getpid());
  find_hierarchies(all);
  for (int i = 0; i < all->v1_count; i++) make_own(all, &all->v1[i]);
  if (all->unified.root_fd >= 0) make_own(all, &all->unified);
  if (all->v1_count > 0) return;
  if (all->unified.root_fd < 0) fail("find", "a cgroup file system");
  write_at(all->unified.root_fd, "cgroup.subtree_control", "+cpu +memory +pids");
  write_at(all->unified.parent_fd, "cgroup.subtree_control", "+cpu +memory +pids");
  all->device_program = devices_load();
}

static void limit_v1(const struct cgroups* all, const struct hierarchy* in, const char* name) {
  static const char* const kDevices[] = {"c *:* m",
                                         "b *:* m",
                                         "c 1:3 rwm",
                                         "c 1:5 rwm",
                                         "c 1:7 rwm",
                                         "c 1:8 rwm",
                                         "c 1:9 rwm",
                                         "c 5:0 rwm",
                                         "c 5:2 rwm",
                                         "c 136:* rwm"};
  if (has_word(in->controllers, "cpuset")) {
    set(in, name, "cpuset.cpus", all->cpus);
    set(in, name, "cpuset.mems", all->mems);
  }
  if (has_word(in->controllers, "cpu")) {
    set(in, name, "cpu.shares", "512");
    set(in, name, "cpu.cfs_period_us", "100000");
    set(in, name, "cpu.cfs_quota_us", "50000");
  }
  if (has_word(in->controllers, "memory")) set(in, name, "memory.limit_in_bytes", "67108864");
  if (has_word(in->controllers, "pids")) set(in, name, "pids.max", "1024");
  if (!has_word(in->controllers, "devices")) return;
  set(in, name, "devices.deny", "a");
  for (size_t i = 0; i < sizeof kDevices / sizeof *kDevices; i++) {
    set(in, name, "devices.allow", kDevices[i]);
  }
}

int cgroups_make(const struct cgroups* all, const char* name) {
  for (int i = 0; i < all->v1_count; i++) {
    if (mkdirat(all->v1[i].parent_fd, name, 0755) != 0) fail("mkdir cgroup", all->v1[i].name);
    limit_v1(all, &all->v1[i], name);
  }
  const struct hierarchy* unified = &all->unified;
  if (unified->root_fd < 0) return -1;
  if (mkdirat(unified->parent_fd, name, 0755) != 0) fail("mkdir cgroup", unified->name);
  const int fd = openat(unified->parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) fail("open cgroup", unified->name);
  if (all->v1_count > 0) return fd;
  set(unified, name, "cpu.weight", "20");
  set(unified, name, "cpu.max", "50000 100000");
  set(unified, name, "memory.max", "67108864");
  set(unified, name, "pids.max", "1024");
  devices_attach(all->device_program, fd);
  return fd;
}

void cgroups_join(const struct cgroups* all, const char* name) {
  // "0" to `tasks`, not to cgroup.procs: that one takes a lock which waits for an RCU grace
  // period, 6 to 10 ms when launches are some time apart.
  for (int i = 0; i < all->v1_count; i++) set(&all->v1[i], name, "tasks", "0");
}

static int remove_directory(int parent, const char* name) {
  // The kernel may count a reaped process a moment longer.
  for (int tries = 0; tries < 10000; tries++) {
    if (unlinkat(parent, name, AT_REMOVEDIR) == 0) return 0;
    if (errno != EBUSY) return -1;
    nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
  }
  return -1;
}

void cgroups_remove(const struct cgroups* all, const char* name) {
  for (int i = 0; i < all->v1_count; i++) {
    if (remove_directory(all->v1[i].parent_fd, name) != 0) fail("rmdir cgroup", all->v1[i].name);
  }
  if (all->unified.root_fd >= 0 && remove_directory(all->unified.parent_fd, name) != 0) {
    fail("rmdir cgroup", all->unified.name);
  }
}

int cgroups_close(struct cgroups* all) {
  int result = 0;
  for (int i = 0; i <= all->v1_count; i++) {
    const struct hierarchy* hierarchy = i < all->v1_count ? &all->v1[i] : &all->unified;
    if (hierarchy->root_fd < 0 || remove_directory(hierarchy->root_fd, all->own_name) == 0)
      continue;
    (void)fprintf(stderr, "floor: rmdir cgroup %s: %s\n", hierarchy->name, strerror(errno));
    result = -1;
  }
  return result;
}
