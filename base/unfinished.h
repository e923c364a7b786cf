/* Files and folders that a signal takes along when it ends the program: drafts (draft.h), which
 * nobody would ever finish. A handler for the signals that end a program (SIGINT, SIGTERM, SIGHUP
 * and their like) removes them and lets the signal end the program as it would have. A command that
 * handles a signal itself, or is told to ignore it, keeps that. */
#ifndef BASE_UNFINISHED_H
#define BASE_UNFINISHED_H

#include <signal.h>

/* Between the two no such signal is handled by the calling thread: for making a thing and telling
 * of it, or for moving it to its place and telling that. */
void unfinished_hold(sigset_t *before);
void unfinished_release(const sigset_t *before);

/* A file, or a folder with the files in it; `made` is a folder to be removed after it if that is
 * empty then, or NULL. Returns a number for unfinished_forget, or -1 if too many things are
 * unfinished: then the thing would stay. Only this process removes it, no child. */
int unfinished_add(const char *path, const char *made);
void unfinished_forget(int number); /* -1: nothing */

#endif
