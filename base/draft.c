/* Files and folders that appear whole or not at all; see draft.h. */
#define _GNU_SOURCE
#include "base/draft.h"

#include "base/clock.h"
#include "base/unfinished.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool join(char path[DRAFT_PATH_SIZE], const char *folder, const char *name) {
    int length = snprintf(path, DRAFT_PATH_SIZE, "%s/%s", folder, name);
    if (length > 0 && length < DRAFT_PATH_SIZE) return true;
    errno = ENAMETOOLONG;
    return false;
}

/* Whether the path is a regular file or not there yet: then another can take its place. A link may
 * be that of a descriptor (/dev/stdout), whose file must stay the one that it is. */
static bool can_be_replaced(const char *path, mode_t *mode) {
    struct stat status;
    *mode = 0;
    if (lstat(path, &status) != 0) return errno == ENOENT;
    *mode = status.st_mode & 0777;
    return S_ISREG(status.st_mode);
}

static int open_beside(struct file_draft *draft) {
    int descriptor = -1;
    sigset_t before;
    unfinished_hold(&before);
    for (int attempt = 0; attempt < 100 && descriptor < 0; attempt++) {
        unsigned number = (unsigned)(clock_now_ns() ^ (uint64_t)getpid() << 20);
        int length =
            snprintf(draft->temporary, DRAFT_PATH_SIZE, "%s.%08x.begun", draft->target, number);
        if (length >= DRAFT_PATH_SIZE) break;
        descriptor = open(draft->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (descriptor < 0 && errno != EEXIST) break;
    }
    if (descriptor >= 0) draft->unfinished = unfinished_add(draft->temporary, NULL);
    unfinished_release(&before);
    return descriptor;
}

bool file_draft_open(struct file_draft *draft, const char *path, struct error *error) {
    mode_t mode;
    draft->descriptor = draft->unfinished = -1;
    if (snprintf(draft->target, DRAFT_PATH_SIZE, "%s", path) >= DRAFT_PATH_SIZE) {
        errno = ENAMETOOLONG;
        return error_set_errno(error, "%s", path);
    }
    if (can_be_replaced(path, &mode)) {
        draft->descriptor = open_beside(draft);
        if (draft->descriptor >= 0 && mode) (void)!fchmod(draft->descriptor, mode);
        if (draft->descriptor >= 0) return true;
        if (errno == ENOSPC || errno == EDQUOT) return error_set_errno(error, "%s", path);
    }
    /* A folder where nothing may be made can still hold a file that may be written. */
    draft->temporary[0] = 0;
    draft->descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
    return draft->descriptor >= 0 || error_set_errno(error, "%s", path);
}

static void forget_temporary(struct file_draft *draft) {
    draft->temporary[0] = 0;
    unfinished_forget(draft->unfinished);
    draft->unfinished = -1;
}

bool file_draft_publish(struct file_draft *draft, struct error *error) {
    if (!draft->temporary[0]) return true;
    sigset_t before;
    unfinished_hold(&before);
    bool moved =
        rename(draft->temporary, draft->target) == 0 || error_set_errno(error, "%s", draft->target);
    if (moved) forget_temporary(draft);
    unfinished_release(&before);
    return moved;
}

void file_draft_drop(struct file_draft *draft) {
    int saved = errno;
    if (draft->descriptor >= 0) close(draft->descriptor);
    if (draft->temporary[0]) unlink(draft->temporary);
    draft->descriptor = -1;
    forget_temporary(draft);
    errno = saved;
}

static bool make_folders(struct folder_draft *draft, const char *folder, struct error *error) {
    draft->target = folder;
    draft->made_target = mkdir(folder, 0777) == 0;
    if (!draft->made_target && errno != EEXIST)
        return error_set_errno(error, "%s: cannot make the folder", folder);
    if (join(draft->path, folder, ".begun-XXXXXX") && mkdtemp(draft->path)) return true;
    error_set_errno(error, "%s: cannot write in the folder", folder);
    if (draft->made_target) rmdir(folder);
    return false;
}

bool folder_draft_open(struct folder_draft *draft, const char *folder, struct error *error) {
    sigset_t before;
    unfinished_hold(&before);
    bool made = make_folders(draft, folder, error);
    draft->unfinished = made ? unfinished_add(draft->path, draft->made_target ? folder : NULL) : -1;
    unfinished_release(&before);
    return made;
}

/* Does something with every file of the draft, as far as it succeeds. */
static bool each_file(struct folder_draft *draft, bool (*act)(const struct folder_draft *,
                                                              const char *path, const char *name)) {
    DIR *directory = opendir(draft->path);
    bool done = directory != NULL;
    for (struct dirent *entry; done && (entry = readdir(directory));) {
        char path[DRAFT_PATH_SIZE];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        done = join(path, draft->path, entry->d_name) && act(draft, path, entry->d_name);
    }
    int saved = errno;
    if (directory) closedir(directory);
    errno = saved;
    return done;
}

static bool move_file(const struct folder_draft *draft, const char *path, const char *name) {
    char target[DRAFT_PATH_SIZE];
    return join(target, draft->target, name) && rename(path, target) == 0;
}

static bool remove_file(const struct folder_draft *draft, const char *path, const char *name) {
    (void)draft, (void)name;
    unlink(path);
    return true;
}

void folder_draft_drop(struct folder_draft *draft) {
    each_file(draft, remove_file);
    rmdir(draft->path);
    if (draft->made_target) rmdir(draft->target);
    unfinished_forget(draft->unfinished);
    draft->unfinished = -1;
}

bool folder_draft_publish(struct folder_draft *draft, struct error *error) {
    sigset_t before;
    unfinished_hold(&before);
    bool moved = each_file(draft, move_file) ||
                 error_set_errno(error, "%s: cannot move the files into the folder", draft->target);
    draft->made_target = draft->made_target && !moved;
    folder_draft_drop(draft);
    unfinished_release(&before);
    return moved;
}

bool folder_draft_fail(struct folder_draft *draft, struct error *error) {
    folder_draft_drop(draft);
    char *at = error ? strstr(error->message, draft->path) : NULL;
    if (!at) return false;
    struct error whole = *error;
    const char *rest = whole.message + (at - error->message) + strlen(draft->path);
    return error_set(error, "%.*s%s%s", (int)(at - error->message), whole.message, draft->target,
                     rest);
}
