/* A walk through a tree that hands out one value at a time: the recursion stops in the middle, at any depth, and goes on. */

#include <stdio.h>
#include <weft/weft.h>

struct tree {
    const struct tree *left, *right;
    int value;
};

struct walk {
    const struct tree* root;
    int value; /* the present one */
};

WEFT_COROUTINE_FN static void visit(struct walk* walk, const struct tree* tree) {
    if (tree == NULL) {
        return;
    }
    visit(walk, tree->left);
    walk->value = tree->value;
    weft_yield();
    visit(walk, tree->right);
}

WEFT_COROUTINE_FN static void walk_in_order(void* walk) {
    visit(walk, ((struct walk*)walk)->root);
}

int main(void) {
    const struct tree one = {NULL, NULL, 1}, three = {NULL, NULL, 3}, five = {NULL, NULL, 5};
    const struct tree two = {&one, &three, 2}, four = {&two, &five, 4};
    struct walk walk = {&four, 0};
    weft_coroutine* generator = weft_create(walk_in_order, &walk);
    while (weft_enter(generator)) {
        printf("%d\n", walk.value);
    }
    weft_destroy(generator);
    return 0;
}
