/* race.c - does the thread sanitizer understand OpenMP here? Without an argument, a correct program: shared work, then
 * a reduction, a barrier, a critical section, one thread's part. With one, the reduction is missing: a race. The first
 * must pass silently, the second must be found, or the sanitizer's verdict on the other tests is worth nothing. */
#include <stdio.h>

enum { N = 1000 };

static void fill(int *a)
{
#pragma omp parallel for num_threads(4)
    for (int i = 0; i < N; i++) a[i] = i;
}

static int right(int *a)
{
    int sum = 0, all = 0, bad = 0;
#pragma omp parallel for num_threads(4) reduction(+ : sum)
    for (int i = 0; i < N; i++) sum += a[i];
#pragma omp parallel num_threads(4)
    {
        int part = 0;
#pragma omp for schedule(dynamic) nowait
        for (int i = 0; i < N; i++) part += a[i];
#pragma omp critical
        all += part;
#pragma omp barrier
#pragma omp single
        a[0] = all;
        if (a[0] != sum) {
#pragma omp atomic
            bad++;
        }
    }
    return bad ? -1 : sum;
}

static int wrong(const int *a)
{
    int sum = 0;
#pragma omp parallel for num_threads(4)
    for (int i = 0; i < N; i++) sum += a[i];
    return sum;
}

int main(int argc, char **argv)
{
    static int a[N];
    (void)argv;
    fill(a);
    int sum = argc > 1 ? wrong(a) : right(a);
    printf("%d\n", sum);
    return argc > 1 || sum == N * (N - 1) / 2 ? 0 : 1;
}
