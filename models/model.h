/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* model.h: a file on disk -> a graph, its labels and how its input wants to be prepared.
 *
 * Any byte string given as a model, label or info file yields a model or one clear error naming file, node and
 * numbers; nothing but the named file (and the side files listed at model_load, and what an ONNX model or an index of
 * safetensors files keeps in files of its own folder) is opened. */
#ifndef CONVRELU_MODEL_H
#define CONVRELU_MODEL_H

#include "models/scores.h"

enum channel_order { CHANNEL_ORDER_RGB, CHANNEL_ORDER_BGR };

/* Where a value of an input_spec comes from. */
enum input_origin { ORIGIN_DEFAULT, ORIGIN_FILE, ORIGIN_SIDE_FILE, ORIGIN_PROPERTY };

struct input_origins {
    enum input_origin size, mean, std, order;
};

/* input (c) = (pixel (c) - mean[c]) / std[c], pixel 0..255, c counted in channel_order. One channel is luma; a fourth
 * is alpha. */
struct input_spec {
    int channels, height, width; /* of the graph's input */
    bool channels_last;          /* the file's own order is (1, height, width, channels) */
    float mean[4], std[4];
    enum channel_order order;
    struct input_origins from;
    /* False: neither the file nor one beside it said. Then these are ImageNet's, and 0..1 for luma and alpha. */
    bool given;
};

struct model; /* immutable after model_load, reference counted; any thread */

/* Reads `path`: ONNX, or safetensors of a known family (network.h), told apart by content. NULL: the bundled network,
 * or an error in a build without one. The input's shape is the file's; a height or width that it leaves open is what a
 * .modelinfo says, else 224, an open batch 1 (onnx.h).
 * Labels come from `labels_path` when it is not NULL (then a bad file is an error), else from `<path>.labels.txt`, the
 * same with the path's last suffix replaced, or `labels.txt` beside it (a bad one is passed over, with a notice), else
 * from the model's metadata; classes without one are called "class 17". A list of 1001 fits 1000 classes and the other
 * way round: the first is the background (labels.h). Input preparation comes from `<path>.modelinfo` when that exists,
 * else from the same with the path's last suffix replaced (modelinfo.h), else from a safetensors file's metadata
 * (network.h). NULL and a filled error on failure.
 * What reading takes is charged to the thread's account (engine/work.h), by which another thread can stop it; without
 * one, to one of WORK_STEPS. */
struct model *model_load (const char *path, const char *labels_path, struct error *error);

/* The same, but models of one file in one state (device, inode, size and times; of its external data, too) share one
 * graph, and so what plans pack of it. This thread holds it from then on: until model_release no other thread has it,
 * and its weights, if they are there, stay. Waits for another that reads or holds it, as long as the thread's account
 * is not stopped. */
struct model *model_share (const char *path, const char *labels_path, struct error *error);
/* The same; `cache_folder` (NULL: none): packed weights are looked for there, and then those of the file not read
 * (packed_cache.h). */
struct model *model_share_cached (const char *path, const char *labels_path, const char *cache_folder,
                                  struct error *error);
/* By the holder, before it is released: what is to be put there of what plans have packed; drops the weights as given.
 * NULL: nothing. For one call of the next two. */
struct packed_kept;
struct packed_kept *model_to_keep (struct model *model);
/* Any thread, whoever holds the model: writes it, and frees `kept`. remark->text says what went wrong that no notice of
 * the model says, or is empty. The thread's account can stop it. Meanwhile model_need_weights waits. */
void model_keep (struct model *model, struct packed_kept *kept, struct error *remark);
void model_forgo (struct model *model, struct packed_kept *kept); /* it is not written */
/* Both at once, by the holder; what goes wrong becomes a notice. */
void model_keep_packed (struct model *model);
/* By the holder: how long a first run of such a plan takes, ns, as its cache folder or an earlier holder tells; 0:
 * nobody does. */
uint64_t model_trial (const struct model *model, const struct plan *plan);
/* By the holder, before model_keep_packed: it took so long, which is kept with what is packed. */
void model_tell_trial (struct model *model, const struct plan *plan, uint64_t nanoseconds);
/* Holds it again. False and a filled error: the thread's account is stopped. */
bool model_hold (struct model *model, struct error *error);
/* Drops the weights as they were given, of the graph that it shares, and holds it no longer. */
void model_release (struct model *model);
/* Of the holder: whether the weights as given are there; reads them again where they are not. False and a filled error:
 * the file has changed or is gone. */
bool model_has_weights (const struct model *model);
bool model_need_weights (struct model *model, struct error *error);

struct model *model_ref (struct model *model);
void model_unref (struct model *model); /* NULL is fine */

struct graph *model_graph (const struct model *model); /* no new reference */
const char *model_path (const struct model *model);    /* as given, or "(bundled)" */
/* What its user should know although it was loaded: sentences that name the file, for 0 <= index < model_notices (at
 * most 8): a list of labels of another length than the network has classes, a file beside it that is passed over, ...
 * Valid as long as the model. Any thread. */
int model_notices (const struct model *model);
const char *model_notice (const struct model *model, int index);
const struct input_spec *model_input (const struct model *model);
/* How many tensors and constants of an ONNX file are integers of 8 or 16 bits, with their scales. */
struct quantised {
    int tensors, constants;
};
struct quantised model_quantised (const struct model *model);
/* Which of the graph's outputs holds the classes: of several the first list of as many numbers as there are labels,
 * else the first list of more than one number, else the first one; a notice says which. */
int model_output (const struct model *model);
int model_classes (const struct model *model); /* numbers in that output */
/* Whether that output is a list of classes. False, and the sentence in *reason (unless NULL): a map, or features. */
bool model_is_classifier (const struct model *model, struct error *reason);
/* Never NULL for 0 <= class_id < model_classes; valid as long as the model (beyond class 65535: until the thread's next
 * call). */
const char *model_label (const struct model *model, int class_id);
/* How the numbers of the first output become scores: as the graph's end says, or as `asked` when that is not
 * SCORES_AUTO. `replaced`: what a plan puts in the place of every activation, or NULL; a sigmoid that is replaced at
 * the end leaves logits, of which the sigmoid is then taken. Any thread. */
struct score_rule model_scores (const struct model *model, enum score_kind asked, const struct activation *replaced);
/* The same short enough to be drawn: cut at its first comma ("tench" of "tench, Tinca tinca"), at a later one or not at
 * all where another class would be called the same; classes whose whole names are equal carry their number: "crane
 * (134)". NULL never; valid as model_label's. */
const char *model_short_label (const struct model *model, int class_id);

/* How an input is prepared and where each value comes from, in one line: "224 x 224 (file), RGB (default), mean 123.7
 * 116.3 103.5 (ImageNet's, nothing says otherwise), std ...". Cut to the length of an error. */
struct error input_spec_words (const struct input_spec *spec);

/* The small network of fixed filters (edges, colour opponents, blobs -> ReLU -> pool), built by code for
 * demonstrations: it recognises nothing. One class per filter. NULL only when memory is short. */
struct model *model_fixed_filters (int height, int width, struct error *error);

#endif
