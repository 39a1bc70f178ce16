/* A disk that fails, for one program: preloaded into skerryd (ld.so(8)), it refuses calls on the
 * files of state.db while the file that SKERRY_DISK_FAULT names exists. In it: an errno number and
 * the calls, as in "5 pwrite fdatasync fsync ftruncate". */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_state(int fd) {
  char link[64];
  char path[512];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t size = readlink(link, path, sizeof path - 1);
  if (size < 0) return 0;
  path[size] = '\0';
  return strstr(path, "/state.db") != NULL;
}

/* The errno to answer with, 0 to let it through. */
static int verdict(const char* call, int fd) {
  const char* control = getenv("SKERRY_DISK_FAULT");
  if (control == NULL) return 0;
  const int file = open(control, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  char text[128];
  const ssize_t size = read(file, text, sizeof text - 1);
  close(file);
  if (size <= 0) return 0;
  text[size] = '\0';
  if (strstr(text, call) == NULL || !is_state(fd)) return 0;
  return atoi(text);
}

#define REAL(name) ((__typeof__(name)*)dlsym(RTLD_NEXT, #name))
#define FAIL_IF_TOLD(call, fd)              \
  do {                                      \
    const int before = errno;               \
    const int answer = verdict((call), fd); \
    errno = before;                         \
    if (answer != 0) {                      \
      errno = answer;                       \
      return -1;                            \
    }                                       \
  } while (0)

ssize_t pwrite(int fd, const void* data, size_t size, off_t offset) {
  FAIL_IF_TOLD("pwrite", fd);
  return REAL(pwrite)(fd, data, size, offset);
}

ssize_t pwrite64(int fd, const void* data, size_t size, off64_t offset) {
  FAIL_IF_TOLD("pwrite", fd);
  return REAL(pwrite64)(fd, data, size, offset);
}

int fdatasync(int fd) {
  FAIL_IF_TOLD("fdatasync", fd);
  return REAL(fdatasync)(fd);
}

int fsync(int fd) {
  FAIL_IF_TOLD("fsync", fd);
  return REAL(fsync)(fd);
}

int ftruncate(int fd, off_t size) {
  FAIL_IF_TOLD("ftruncate", fd);
  return REAL(ftruncate)(fd, size);
}

int ftruncate64(int fd, off64_t size) {
  FAIL_IF_TOLD("ftruncate", fd);
  return REAL(ftruncate64)(fd, size);
}
