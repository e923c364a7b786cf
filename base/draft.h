/* Files and folders that appear whole or not at all: what is written goes to a draft, which takes
 * its place when it is complete. A full disk then costs what was to be written, never what was
 * there, and a signal that ends the program takes the draft along (unfinished.h). */
#ifndef BASE_DRAFT_H
#define BASE_DRAFT_H

#include "base/error.h"

enum { DRAFT_PATH_SIZE = 4096 };

/* A temporary file beside its target; for a device, a pipe or a link the target itself. */
struct file_draft {
    char target[DRAFT_PATH_SIZE];
    char temporary[DRAFT_PATH_SIZE]; /* "": the target is written itself */
    int descriptor;                  /* for writing; -1 once it was given away */
    int unfinished;                  /* unfinished.h */
};

/* On failure errno says why, too. */
bool file_draft_open(struct file_draft *, const char *path, struct error *error);
/* Puts the file in the target's place. The descriptor stays open, and the caller's. */
bool file_draft_publish(struct file_draft *, struct error *error);
/* Closes and removes what was begun. errno stays as it is. */
void file_draft_drop(struct file_draft *);

/* A folder within the target, which is made if it is not there. */
struct folder_draft {
    const char *target;
    char path[DRAFT_PATH_SIZE]; /* where to write */
    bool made_target;
    int unfinished; /* unfinished.h */
};

bool folder_draft_open(struct folder_draft *, const char *folder, struct error *error);
/* Moves all files into the target. */
bool folder_draft_publish(struct folder_draft *, struct error *error);
/* Removes what was begun. */
void folder_draft_drop(struct folder_draft *);
/* The same, names the target in the error where it names the draft, and returns
 * false. */
bool folder_draft_fail(struct folder_draft *, struct error *error);

#endif
